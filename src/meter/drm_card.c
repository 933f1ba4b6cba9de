// SPDX-License-Identifier: Apache-2.0
#include "meter/drm_card.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define REST_SLACK_NS NSEC_PER_SEC
#define REST_MAX_NS (60 * NSEC_PER_SEC)

/* A power reading says nothing of the time before, when the one before is older. */
#define GAP_NS (180 * NSEC_PER_SEC)

void drm_card_init(struct drm_card *card)
{
	*card = (struct drm_card){ .device_fd = -1 };
	memset(card->input_fd, -1, sizeof(card->input_fd));
}

bool drm_card_is_measured(const struct drm_card *card)
{
	return card->present && card->found.sensor != DRM_NOTHING && !card->apu;
}

static void close_inputs(struct drm_card *card)
{
	for (u32 i = 0; i < DRM_INPUTS_MAX; i++) {
		if (card->input_fd[i] >= 0)
			close(card->input_fd[i]);
		card->input_fd[i] = -1;
	}
}

void drm_card_close(struct drm_card *card)
{
	close_inputs(card);
	if (card->device_fd >= 0)
		close(card->device_fd);
	card->device_fd = -1;
}

static int open_inputs(struct drm_card *card)
{
	for (u32 i = 0; i < card->found.inputs; i++) {
		card->input_fd[i] =
			openat(card->device_fd, card->found.input[i], O_RDONLY | O_CLOEXEC);
		if (card->input_fd[i] < 0) {
			int r = -errno;

			close_inputs(card);
			return r;
		}
	}
	return 0;
}

void drm_card_start(struct drm_card *card, int sys_fd, const struct drm_found *found)
{
	int r;

	if (card->told)
		card->restarts++;
	drm_card_close(card);
	card->found = *found;
	card->learned = card->apu = false;
	card->read_once = false;
	card->rest_until = card->floor_uw = card->power_uw = 0;
	card->gauge.kind = found->sensor == DRM_POWER_INSTANT ? GAUGE_INSTANT : GAUGE_AVERAGE;
	card->gauge.gap_ns = GAP_NS;
	card->gauge.started = false;
	card->status = METER_ABSENT;
	card->device_fd = drm_open_device(sys_fd, found->card);
	if (card->device_fd < 0 || found->sensor == DRM_NOTHING)
		return;
	r = open_inputs(card);
	if (r < 0)
		card->status = meter_status_of_errno(r);
}

bool drm_card_is_well(const struct drm_card *card)
{
	return card->apu ||
	       (card->input_fd[0] >= 0 && (card->found.sensor != DRM_ENERGY || card->value_uj > 0));
}

static void learn(struct drm_card *card, int sys_fd)
{
	if (card->learned)
		return;
	card->learned = true;
	card->apu = strcmp(card->found.driver, "amdgpu") == 0 &&
		    drm_is_apu(card->device_fd, &card->found);
	card->limit_uw = drm_limit_uw(card->device_fd, &card->found);
	card->kfd = drm_kfd_find(sys_fd, card->found.address);
	if (card->apu)
		close_inputs(card);
}

/* The sum of the card's sensors. Returns 0 or a negative errno. */
static int read_inputs(const struct drm_card *card, u64 *sum)
{
	*sum = 0;
	for (u32 i = 0; i < card->found.inputs; i++) {
		char text[32];
		u64 value;
		ssize_t len;

		if (card->input_fd[i] < 0)
			return -ENODEV;
		len = sysroot_pread_text(card->input_fd[i], text, sizeof(text));
		if (len < 0)
			return (int)len;
		/* An attribute never reads empty; a file without contents has lost its driver. */
		if (len == 0)
			return -ENODEV;
		if (sysroot_parse_u64(text, &value) < 0 || value > UINT64_MAX / DRM_INPUTS_MAX)
			return -EIO;
		*sum += value;
	}
	return 0;
}

/* Power in uW of energy over time, or 0 where there is no telling. */
static u64 mean_power_uw(u64 before_uj, u64 now_uj, u64 passed_ns)
{
	if (passed_ns == 0 || now_uj <= before_uj)
		return 0;
	return (u64)((u128)(now_uj - before_uj) * NSEC_PER_SEC / passed_ns);
}

/* Time that the GPU was awake. */
static u64 card_clock_ns(const struct drm_card *card, const struct meter_poll *when)
{
	return when->awake_ns - u64_min(card->sleep.slept_ns, when->awake_ns);
}

static void take_value(struct drm_card *card, u64 value, const struct meter_poll *when)
{
	u64 clock_ns = card_clock_ns(card, when);

	card->passed_ns =
		card->read_once && clock_ns > card->clock_ns ? clock_ns - card->clock_ns : 0;
	if (card->found.sensor == DRM_ENERGY) {
		/* Before it was read for the first time another value was told, or none. */
		if (!card->read_once && card->told)
			card->restarts++;
		card->power_uw =
			mean_power_uw(card->value_uj, value, card->read_once ? card->passed_ns : 0);
		card->value_uj = value;
	} else {
		gauge_take(&card->gauge, value, clock_ns);
		card->power_uw = value;
		card->value_uj = card->gauge.energy_uj;
	}
	card->clock_ns = clock_ns;
	card->read_once = true;
	card->taken_ns = when->now_ns;
	card->status = METER_OK;
	card->open = true;
}

/* It sleeps: what it drew after its last reading and before that is the best guess there is. */
static void let_sleep(struct drm_card *card, const struct meter_poll *when)
{
	if (!card->sleeping && card->gauge.started) {
		gauge_take(&card->gauge, card->gauge.power_uw, card_clock_ns(card, when));
		card->value_uj = card->gauge.energy_uj;
	}
	card->sleeping = true;
	card->status = METER_OK;
	card->taken_ns = when->now_ns;
	card->rest_until = 0;
}

/* Returns 0, -EAGAIN when it must not be read now, or the error of the read. */
static int read_awake(struct drm_card *card, int sys_fd, const struct meter_poll *when, u64 *value)
{
	drm_sleep_read(card->device_fd, &card->sleep);
	if (card->sleep.asleep) {
		let_sleep(card, when);
		return -EAGAIN;
	}
	card->sleeping = false;
	if (when->now_ns < card->rest_until)
		return -EAGAIN;
	learn(card, sys_fd);
	return card->apu ? -EAGAIN : read_inputs(card, value);
}

bool drm_card_read(struct drm_card *card, int sys_fd, const struct meter_poll *when)
{
	u64 value;
	int r;

	card->open = false;
	if (card->input_fd[0] < 0)
		return true;
	r = read_awake(card, sys_fd, when, &value);
	if (r == 0)
		take_value(card, value, when);
	if (r == 0 || r == -EAGAIN)
		return true;
	/* It may just have fallen asleep: amdgpu refuses then. */
	drm_sleep_read(card->device_fd, &card->sleep);
	if (card->sleep.asleep) {
		let_sleep(card, when);
		return true;
	}
	card->status = meter_status_of_errno(r);
	if (card->status != METER_ABSENT)
		return true;
	close_inputs(card);
	return false;
}

static u64 rest_ns(const struct drm_card *card)
{
	return u64_min(card->sleep.delay_ns, REST_MAX_NS) + REST_SLACK_NS;
}

u64 drm_card_period_ns(const struct drm_card *card, u64 now_ns)
{
	return card->rest_until > now_ns ? rest_ns(card) : 0;
}

void drm_card_rest(struct drm_card *card, u64 work, u64 now_ns)
{
	card->rest_until = 0;
	if (card->power_uw == 0)
		return;
	if (card->floor_uw == 0 || card->power_uw < card->floor_uw)
		card->floor_uw = card->power_uw;
	if (card->sleep.may_sleep && work == 0 &&
	    card->power_uw - card->floor_uw <= card->floor_uw / 4)
		card->rest_until = now_ns + rest_ns(card);
}
