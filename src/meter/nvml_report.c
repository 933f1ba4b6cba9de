// SPDX-License-Identifier: Apache-2.0
#include "meter/nvml.h"

#include <errno.h>
#include <string.h>

/* The driver that has all GPUs, where that is none of NVIDIA's; else NULL. */
static const char *foreign_driver(const struct nvml_pci *pci)
{
	for (u32 i = 0; i < pci->count; i++) {
		if (!nvml_pci_is_foreign(&pci->gpu[i]))
			return NULL;
	}
	return pci->count ? pci->gpu[0].driver : NULL;
}

void nvml_describe_down(const struct nvml *nvml, struct meter_report *report)
{
	const char *driver = foreign_driver(&nvml->pci);
	struct meter_note *note;

	report->none = METER_ABSENT;
	if (driver) {
		note = report_note(report, METER_INFO, "other-driver",
				   "the NVIDIA GPU is bound to the driver %s", driver);
		report_remedy(note, "to measure it here, bind it to the driver nvidia");
	} else if (nvml->why == -ENOENT || nvml->why == -ENOSYS) {
		note = report_note(report, METER_PROBLEM, "library",
				   "there is an NVIDIA GPU, but %s libnvidia-ml.so.1",
				   nvml->why == -ENOENT ? "no" : "a useless");
		report_remedy(note, "install the driver's management library (libnvidia-ml1, "
				    "nvidia-driver-cuda-libs), or run the container with "
				    "the NVIDIA runtime and NVIDIA_DRIVER_CAPABILITIES=utility");
	} else {
		report->none = nvml_status(nvml->why);
		note = report_note(report, METER_PROBLEM,
				   report->none == METER_DENIED ? "denied" : "driver",
				   "NVML does not start: %s", nvml_result_text(nvml->why));
		if (report->none == METER_DENIED)
			report_remedy(note, "give the agent /dev/nvidiactl and /dev/nvidia*: run "
					    "it as root, or the container with "
					    "NVIDIA_VISIBLE_DEVICES=all");
		else if (nvml->why == NVML_VERSION_MISMATCH)
			report_remedy(note, "reboot, or load the kernel module of the library's "
					    "version");
		else
			report_remedy(note, "load the driver (modprobe nvidia); nvidia-smi must "
					    "list the GPU");
	}
	report_found(report, "%.120s; tried again within minutes", note->text);
}

/* GPUs on the bus that NVML does not have. */
static void note_missing(struct nvml *nvml, struct meter_report *report)
{
	for (u32 i = 0; i < nvml->pci.count; i++) {
		const struct nvml_pci_gpu *pci = &nvml->pci.gpu[i];
		struct meter_note *note;

		if (pci->suspended || nvml_find(nvml, pci->address))
			continue;
		if (nvml_pci_is_foreign(pci)) {
			report_note(report, METER_INFO, "other-driver",
				    "GPU %s is bound to the driver %s", pci->address, pci->driver);
			continue;
		}
		note = report_note(report, METER_WARNING, "not-seen", "NVML does not show GPU %s",
				   pci->address);
		report_remedy(note, "give the agent all GPUs: NVIDIA_VISIBLE_DEVICES=all");
	}
	if (nvml->refused && nvml->pci.count == 0)
		report_note(report, METER_WARNING, "not-seen", "NVML does not show %u GPUs: %s",
			    nvml->refused, nvml_result_text(nvml->refused_why));
}

static void note_gpu(const struct nvml *nvml, const struct nvml_gpu *gpu,
		     struct meter_report *report)
{
	struct meter_note *note;

	if (gpu->device && gpu->result != NVML_OK) {
		note = report_note(report, METER_PROBLEM, "gpu", "GPU %s: %s", gpu->zone.device,
				   nvml_unsupported(gpu->result) ? "tells neither energy nor power"
								 : nvml_result_text(gpu->result));
		if (nvml_unsupported(gpu->result))
			report_remedy(note, "measure a virtual GPU on its host");
		else
			report_remedy(note, "see the kernel's log for \"NVRM: Xid\"; nvidia-smi "
					    "--gpu-reset, or reboot");
	} else if (!gpu->device && nvml->state == NVML_UP &&
		   !nvml_pci_is_suspended(&nvml->pci, gpu->zone.device)) {
		report_note(report, METER_PROBLEM, "gpu", "GPU %s is gone", gpu->zone.device);
	}
	if (gpu->by_power && gpu->result == NVML_OK)
		report_note(report, METER_INFO, "power-fallback",
			    "GPU %s has no counter of energy: its power is integrated",
			    gpu->zone.device);
	if (gpu->device && gpu->result == NVML_OK && gpu->use.result != NVML_OK)
		report_note(report, METER_WARNING, "gpu-clients",
			    "GPU %s does not tell who uses it: %s", gpu->zone.device,
			    nvml_result_text(gpu->use.result));
	if (gpu->use.mig)
		report_note(report, METER_INFO, "mig",
			    "GPU %s is cut up (MIG): processes share it by the size of their "
			    "instance, since the driver does not tell how busy they are",
			    gpu->zone.device);
	else if (gpu->use.no_busy)
		report_note(report, METER_WARNING, "equal-shares",
			    "GPU %s does not tell how busy processes are: they share equally",
			    gpu->zone.device);
}

static void note_processes(const struct nvml *nvml, struct meter_report *report)
{
	struct meter_note *note;
	bool unknown_pids = false;

	for (u32 i = 0; i < nvml->count; i++)
		unknown_pids = unknown_pids || nvml->gpu[i].use.unknown_pids;
	if (unknown_pids) {
		note = report_note(report, METER_WARNING, "pids",
				   "some processes on GPUs have no pid here");
		report_remedy(note, "run the agent in the host's pid namespace (hostPID: true, "
				    "--pid=host)");
	}
	if (nvml->use.full)
		report_note(report, METER_WARNING, "many-processes",
			    "more than %u processes use GPUs: the rest is nobody's",
			    METER_USES_MAX);
}

void nvml_describe(struct nvml *nvml, struct meter_report *report)
{
	u32 suspended = nvml_pci_suspended(&nvml->pci);
	u32 by_power = 0, well = 0;

	for (u32 i = 0; i < nvml->count; i++) {
		well += nvml->gpu[i].status == METER_OK;
		by_power += nvml->gpu[i].by_power;
		note_gpu(nvml, &nvml->gpu[i], report);
	}
	note_processes(nvml, report);
	if (nvml->state == NVML_DOWN && nvml->why != NVML_OK) {
		nvml_describe_down(nvml, report);
		return;
	}
	if (nvml->state == NVML_UP)
		note_missing(nvml, report);
	if (nvml->count == 0 && suspended)
		report_found(report, "%u GPU%s, suspended: not touched before somebody wakes it",
			     suspended, suspended == 1 ? "" : "s");
	else if (nvml->count == 0)
		report_found(report, "NVML shows no GPU");
	else
		report_found(report, "%u of %u GPU%s", well, nvml->count,
			     nvml->count == 1 ? "" : "s");
	if (nvml->count && suspended)
		report_append(report, ", %u suspended", suspended);
	if (nvml->state == NVML_RESTING)
		report_append(report, "; let go, so that the driver can suspend it");
	if (by_power)
		report_append(report, "; %u by power, without a counter", by_power);
}
