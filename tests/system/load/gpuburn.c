// SPDX-License-Identifier: Apache-2.0
/*
 * Keeps an NVIDIA GPU busy, through the driver's own library alone (no toolkit is needed).
 *
 * gpuburn [--seconds=10]   for this long
 *         [--duty=100]     busy this percent of the time
 *         [--device=0]     as CUDA counts
 * At its end it prints how many kernels of the same size it ran: kernels=N
 * It exits with status 77 where there is no GPU, or no library.
 */
#include "load.h"

#include <dlfcn.h>

#define NO_GPU 77
#define THREADS 256
#define BLOCKS_PER_MULTIPROCESSOR 8
#define ROUNDS 20000 /* some milliseconds per kernel */

/* As the driver's interface has it. */
#define ATTRIBUTE_MULTIPROCESSORS 16

typedef void *handle;

/* Each thread multiplies and adds @rounds times, eight numbers at once, and keeps the result so
 * that nothing is optimized away. */
static const char kernel_text[] = ".version 6.0\n"
				  ".target sm_50\n"
				  ".address_size 64\n"
				  ".visible .entry burn(.param .u64 out, .param .u32 rounds)\n"
				  "{\n"
				  "	.reg .pred %more;\n"
				  "	.reg .u32 %left, %lane, %block, %width, %place;\n"
				  "	.reg .u64 %base, %offset;\n"
				  "	.reg .f32 %x<8>, %k, %sum;\n"
				  "	ld.param.u64 %base, [out];\n"
				  "	ld.param.u32 %left, [rounds];\n"
				  "	cvta.to.global.u64 %base, %base;\n"
				  "	mov.u32 %lane, %tid.x;\n"
				  "	mov.u32 %block, %ctaid.x;\n"
				  "	mov.u32 %width, %ntid.x;\n"
				  "	mad.lo.u32 %place, %block, %width, %lane;\n"
				  "	cvt.rn.f32.u32 %x0, %place;\n"
				  "	add.f32 %x1, %x0, 0f3F800000;\n"
				  "	add.f32 %x2, %x1, 0f3F800000;\n"
				  "	add.f32 %x3, %x2, 0f3F800000;\n"
				  "	add.f32 %x4, %x3, 0f3F800000;\n"
				  "	add.f32 %x5, %x4, 0f3F800000;\n"
				  "	add.f32 %x6, %x5, 0f3F800000;\n"
				  "	add.f32 %x7, %x6, 0f3F800000;\n"
				  "	mov.f32 %k, 0f3F7FFFEF;\n"
				  "again:\n"
				  "	fma.rn.f32 %x0, %x0, %k, %k;\n"
				  "	fma.rn.f32 %x1, %x1, %k, %k;\n"
				  "	fma.rn.f32 %x2, %x2, %k, %k;\n"
				  "	fma.rn.f32 %x3, %x3, %k, %k;\n"
				  "	fma.rn.f32 %x4, %x4, %k, %k;\n"
				  "	fma.rn.f32 %x5, %x5, %k, %k;\n"
				  "	fma.rn.f32 %x6, %x6, %k, %k;\n"
				  "	fma.rn.f32 %x7, %x7, %k, %k;\n"
				  "	sub.u32 %left, %left, 1;\n"
				  "	setp.ne.u32 %more, %left, 0;\n"
				  "	@%more bra again;\n"
				  "	add.f32 %sum, %x0, %x1;\n"
				  "	add.f32 %sum, %sum, %x2;\n"
				  "	add.f32 %sum, %sum, %x3;\n"
				  "	add.f32 %sum, %sum, %x4;\n"
				  "	add.f32 %sum, %sum, %x5;\n"
				  "	add.f32 %sum, %sum, %x6;\n"
				  "	add.f32 %sum, %sum, %x7;\n"
				  "	mul.wide.u32 %offset, %place, 4;\n"
				  "	add.u64 %base, %base, %offset;\n"
				  "	st.global.f32 [%base], %sum;\n"
				  "	ret;\n"
				  "}\n";

static struct {
	int (*init)(unsigned int flags);
	int (*device)(int *device, int number);
	int (*attribute)(int *value, int attribute, int device);
	int (*context)(handle *context, unsigned int flags, int device);
	int (*load)(handle *module, const void *image);
	int (*function)(handle *function, handle module, const char *name);
	int (*allocate)(unsigned long long *address, size_t size);
	int (*launch)(handle function, unsigned int grid_x, unsigned int grid_y,
		      unsigned int grid_z, unsigned int block_x, unsigned int block_y,
		      unsigned int block_z, unsigned int shared_bytes, handle stream,
		      void **arguments, void **extra);
	int (*finish)(void);
} cuda;

static void find(handle library, const char *name, void *function)
{
	void *address = dlsym(library, name);

	if (!address) {
		fprintf(stderr, "libcuda.so.1 has no %s\n", name);
		exit(NO_GPU);
	}
	memcpy(function, &address, sizeof(address));
}

static void load_library(void)
{
	handle library = dlopen("libcuda.so.1", RTLD_NOW);

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(NO_GPU);
	}
	find(library, "cuInit", &cuda.init);
	find(library, "cuDeviceGet", &cuda.device);
	find(library, "cuDeviceGetAttribute", &cuda.attribute);
	find(library, "cuCtxCreate_v2", &cuda.context);
	find(library, "cuModuleLoadData", &cuda.load);
	find(library, "cuModuleGetFunction", &cuda.function);
	find(library, "cuMemAlloc_v2", &cuda.allocate);
	find(library, "cuLaunchKernel", &cuda.launch);
	find(library, "cuCtxSynchronize", &cuda.finish);
}

static void must(int result, const char *what, int status)
{
	if (result == 0)
		return;
	fprintf(stderr, "%s: CUDA error %d\n", what, result);
	exit(status);
}

int main(int argc, char **argv)
{
	uint64_t end = option(argc, argv, "seconds", 10) * 1000000000u + clock_ns(CLOCK_MONOTONIC);
	uint64_t duty = option(argc, argv, "duty", 100), kernels = 0;
	unsigned long long out;
	unsigned int rounds = ROUNDS, blocks;
	void *arguments[] = { &out, &rounds };
	handle context, module, function;
	int device, multiprocessors;

	if (duty < 1 || duty > 100)
		return 2;
	load_library();
	must(cuda.init(0), "cuInit", NO_GPU);
	must(cuda.device(&device, (int)option(argc, argv, "device", 0)), "cuDeviceGet", NO_GPU);
	must(cuda.attribute(&multiprocessors, ATTRIBUTE_MULTIPROCESSORS, device), "attribute", 1);
	must(cuda.context(&context, 0, device), "cuCtxCreate", 1);
	must(cuda.load(&module, kernel_text), "cuModuleLoadData", 1);
	must(cuda.function(&function, module, "burn"), "cuModuleGetFunction", 1);
	blocks = (unsigned int)multiprocessors * BLOCKS_PER_MULTIPROCESSOR;
	must(cuda.allocate(&out, (size_t)blocks * THREADS * sizeof(float)), "cuMemAlloc", 1);
	while (clock_ns(CLOCK_MONOTONIC) < end) {
		uint64_t began = clock_ns(CLOCK_MONOTONIC);

		must(cuda.launch(function, blocks, 1, 1, THREADS, 1, 1, 0, NULL, arguments, NULL),
		     "cuLaunchKernel", 1);
		must(cuda.finish(), "cuCtxSynchronize", 1);
		kernels++;
		sleep_ns((clock_ns(CLOCK_MONOTONIC) - began) * (100 - duty) / duty);
	}
	printf("kernels=%llu\n", (unsigned long long)kernels);
	return 0;
}
