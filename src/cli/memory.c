// SPDX-License-Identifier: Apache-2.0
#include "cli/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/types.h"

/*
 * Memory of big responses goes back to the system when they are done, and the web server's threads
 * share the arena of everybody else.
 */
void memory_keep_small(void)
{
	mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	mallopt(M_ARENA_MAX, 1);
}

/* Code is never written to: what is needed again comes back from the file. */
static int forget_code(struct dl_phdr_info *object, size_t size, void *unused)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t begin = (object->dlpi_addr + part->p_vaddr) & ~(page - 1);
		uintptr_t end = object->dlpi_addr + part->p_vaddr + part->p_memsz;

		if (part->p_type == PT_LOAD && (part->p_flags & PF_X) && !(part->p_flags & PF_W))
			madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void memory_forget_start(void)
{
	/* Reading the kernel's types took more memory than all the rest ever will. */
	malloc_trim(0);
	dl_iterate_phdr(forget_code, NULL);
}
