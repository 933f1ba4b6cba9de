// SPDX-License-Identifier: Apache-2.0
#include "meter/nvml_use.h"

#include <string.h>

#define PERCENT_MAX 100
#define SM_WEIGHT 10   /* permille of the GPU per percent */
#define VIDEO_WEIGHT 1 /* the same of an encoder or decoder */

/* Polls without new samples after which the driver's clock is suspected to have been set back. */
#define EMPTY_SUSPECT 10

#define MIG_ENABLED 1
#define MIG_DEVICES_MAX 16 /* boards have up to 7 */

/* No driver writes this over a whole entry: pids and instances are small or all ones. */
#define UNTOUCHED 0xa5

static bool pid_is_known(u32 pid)
{
	return pid != 0 && pid != NVML_PID_UNKNOWN && pid <= INT32_MAX;
}

static void add_use(struct nvml_use *use, u32 pid, u64 work)
{
	struct meter_sample *sample = use->sample;

	if (work == 0)
		return;
	for (u32 i = use->first; i < sample->uses; i++) {
		if (sample->use[i].pid == pid) {
			sample->use[i].work += work;
			return;
		}
	}
	if (sample->uses == METER_USES_MAX) {
		use->full = true;
		return;
	}
	sample->use[sample->uses++] =
		(struct meter_use){ .zone = use->zone, .pid = pid, .work = work };
}

static void add_user(struct nvml_use *use, u32 pid, u32 permille)
{
	u32 i = 0;

	while (i < use->users && use->user[i].pid != pid)
		i++;
	if (i == NVML_PROCESSES_MAX) {
		use->full = true;
		return;
	}
	if (i == use->users)
		use->user[use->users++] = (struct nvml_user){ .pid = pid };
	use->user[i].samples++;
	use->user[i].permille += permille;
}

/* Some drivers return entries that they never filled. */
static bool is_sane(const struct nvml_busy *busy)
{
	return busy->sm <= PERCENT_MAX && busy->encoder <= PERCENT_MAX &&
	       busy->decoder <= PERCENT_MAX;
}

/* Asks for what was sampled after @since_us; *@count entries are in use->busy. */
static int ask_busy(struct nvml_use *use, nvml_device device, u64 since_us, u32 *count)
{
	int result;

	*count = NVML_BUSY_MAX;
	result = NVML_CALL(use->api, busy, device, use->busy, count, since_us);
	if (result != NVML_OK || *count > NVML_BUSY_MAX)
		*count = 0;
	return result;
}

/* The newest sample among @count that is worth anything, or 0. */
static u64 newest_us(const struct nvml_use *use, u32 count)
{
	u64 newest = 0;

	for (u32 i = 0; i < count; i++) {
		if (is_sane(&use->busy[i]))
			newest = u64_max(newest, use->busy[i].time_us);
	}
	return newest;
}

/*
 * Samples carry the time of the machine's clock. When that is set back, nothing is newer than what
 * was seen, for as long as it was set back: begin again with the newest there is.
 */
static void suspect_clock(struct nvml_use *use, struct nvml_use_state *state, nvml_device device)
{
	u64 newest;
	u32 count;

	if (++state->empty % EMPTY_SUSPECT != 0)
		return;
	ask_busy(use, device, 0, &count);
	newest = newest_us(use, count);
	if (newest && newest < state->seen_us)
		state->seen_us = newest;
}

/* How often the driver took samples: as often as there are of the process that has most. */
static u32 sample_count(const struct nvml_use *use)
{
	u32 most = 1;

	for (u32 i = 0; i < use->users; i++)
		most = use->user[i].samples > most ? use->user[i].samples : most;
	return most;
}

/* Counts what each process did by the samples of the driver. */
static int use_by_samples(struct nvml_use *use, struct nvml_use_state *state, nvml_device device)
{
	u64 newest;
	u32 count;
	int result = ask_busy(use, device, state->seen_us, &count);

	if (result == NVML_NOT_FOUND || (result == NVML_OK && count == 0)) {
		suspect_clock(use, state, device);
		return NVML_OK;
	}
	if (result != NVML_OK)
		return result;
	state->empty = 0;
	newest = newest_us(use, count);
	use->users = 0;
	for (u32 i = 0; i < count; i++) {
		const struct nvml_busy *busy = &use->busy[i];

		if (!is_sane(busy) || busy->time_us <= state->seen_us)
			continue;
		if (pid_is_known(busy->pid))
			add_user(use, busy->pid,
				 busy->sm * SM_WEIGHT +
					 (busy->encoder + busy->decoder) * VIDEO_WEIGHT);
		else
			use->unknown_pids = true;
	}
	count = sample_count(use);
	for (u32 i = 0; i < use->users; i++)
		add_use(use, use->user[i].pid,
			use->user[i].permille * use->window_us / (1000 * count));
	state->seen_us = u64_max(state->seen_us, newest);
	return NVML_OK;
}

/*
 * The width of the entries of a list that was filled with UNTOUCHED: drivers have returned 16, 24
 * and 32 bytes from functions of the same name.
 */
static size_t entry_size(const u8 *list, u32 count)
{
	static const size_t sizes[] = { 32, 24 };

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* The last field of an entry is a number of eight bytes, or two of four. */
		const u8 *tail = list + count * sizes[i] - 8;

		for (u32 b = 0; b < 8; b++) {
			if (tail[b] != UNTOUCHED)
				return sizes[i];
		}
	}
	return 16;
}

static void add_pid(struct nvml_use *use, u32 pid)
{
	if (!pid_is_known(pid)) {
		use->unknown_pids = true;
		return;
	}
	for (u32 i = 0; i < use->pids; i++) {
		if (use->pid[i] == pid)
			return;
	}
	if (use->pids == NVML_PROCESSES_MAX)
		use->full = true;
	else
		use->pid[use->pids++] = pid;
}

typedef int (*list_function)(nvml_device device, u32 *count, void *list);

/* Adds the processes of one list to use->pid. */
static int list_pids(struct nvml_use *use, nvml_device device, list_function function)
{
	u32 count = NVML_PROCESSES_MAX;
	size_t size;
	int result;

	if (!function)
		return NVML_FUNCTION_NOT_FOUND;
	memset(use->list, UNTOUCHED, sizeof(use->list));
	result = function(device, &count, use->list);
	if (result == NVML_INSUFFICIENT_SIZE)
		use->full = true;
	if (result != NVML_OK || count == 0 || count > NVML_PROCESSES_MAX)
		return result;
	size = entry_size(use->list, count);
	for (u32 i = 0; i < count; i++) {
		u32 pid;

		memcpy(&pid, use->list + i * size, sizeof(pid));
		add_pid(use, pid);
	}
	return NVML_OK;
}

/* Those that compute, else those that draw. */
static int list_processes(struct nvml_use *use, nvml_device device)
{
	int computing, drawing;

	use->pids = 0;
	computing = list_pids(use, device, use->api->compute);
	if (use->pids)
		return NVML_OK;
	drawing = list_pids(use, device, use->api->graphics);
	return computing == NVML_OK || drawing == NVML_OK ? NVML_OK : computing;
}

static void share_equally(struct nvml_use *use, u64 work)
{
	for (u32 i = 0; i < use->pids; i++)
		add_use(use, use->pid[i], work / use->pids);
}

static int use_by_lists(struct nvml_use *use, nvml_device device)
{
	struct nvml_rates rates = { .gpu = PERCENT_MAX };
	int result = list_processes(use, device);

	if (result != NVML_OK || use->pids == 0)
		return result;
	if (NVML_CALL(use->api, rates, device, &rates) != NVML_OK || rates.gpu > PERCENT_MAX)
		rates.gpu = PERCENT_MAX;
	share_equally(use, use->window_us * rates.gpu / PERCENT_MAX);
	return NVML_OK;
}

/* What an instance weighs: its multiprocessors, or its slices where those are not known. */
static u64 instance_weight(const struct nvml_use *use, nvml_device instance)
{
	struct nvml_attributes a = { 0 };

	if (NVML_CALL(use->api, attributes, instance, &a) != NVML_OK)
		return 1;
	if (a.multiprocessors)
		return a.multiprocessors;
	return a.gpu_slices ? a.gpu_slices : 1;
}

static int use_by_instances(struct nvml_use *use, nvml_device device)
{
	nvml_device instance[MIG_DEVICES_MAX];
	u64 weight[MIG_DEVICES_MAX], all = 0;
	u32 most = 0, count = 0;
	int worst = NVML_OK;
	int result = NVML_CALL(use->api, mig_count, device, &most);

	if (result != NVML_OK)
		return result;
	/* Numbers without an instance are not found. */
	for (u32 i = 0; i < most && count < MIG_DEVICES_MAX; i++) {
		if (NVML_CALL(use->api, mig_by_index, device, i, &instance[count]) != NVML_OK)
			continue;
		weight[count] = instance_weight(use, instance[count]);
		all += weight[count++];
	}
	for (u32 i = 0; i < count; i++) {
		result = list_processes(use, instance[i]);
		if (result != NVML_OK)
			worst = result;
		else
			share_equally(use, use->window_us * weight[i] / all);
	}
	return worst;
}

/* Asked every time: instances come and go, and the question is cheap. */
static bool is_cut_up(const struct nvml_use *use, nvml_device device)
{
	u32 current = 0, pending;

	return NVML_CALL(use->api, mig_mode, device, &current, &pending) == NVML_OK &&
	       current == MIG_ENABLED;
}

void nvml_use_poll(struct nvml_use *use, struct nvml_use_state *state, nvml_device device,
		   u64 now_ns)
{
	u64 now_us = now_ns / NSEC_PER_USEC;
	int result = NVML_NOT_SUPPORTED;

	use->first = use->sample->uses;
	use->unknown_pids = false;
	use->window_us = state->begun && now_us > state->polled_us ? now_us - state->polled_us : 0;
	state->mig = is_cut_up(use, device);
	if (!state->mig && !state->no_busy) {
		result = use_by_samples(use, state, device);
		state->no_busy = nvml_unsupported(result) || result == NVML_NO_PERMISSION;
	}
	if (state->mig)
		result = use_by_instances(use, device);
	else if (state->no_busy)
		result = use_by_lists(use, device);
	state->begun = true;
	state->polled_us = now_us;
	state->result = result;
	state->unknown_pids = use->unknown_pids;
}
