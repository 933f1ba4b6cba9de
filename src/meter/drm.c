// SPDX-License-Identifier: Apache-2.0
/*
 * AMD and Intel GPUs by what the kernel's own drivers tell, without a vendor's library.
 *
 * Interface: <sys>/class/drm/cardN/device/hwmon/hwmonM/, and for the processes
 * <proc>/PID/fdinfo/FD (drm_clients.h).
 * Intel cards (i915 since Linux 6.2, xe): energy1_input or energy2_input, uJ. The driver adds a
 * register of 32 bits up when it is read, so it must be read more often than that wraps: 4 minutes
 * at 1 kW.
 * AMD cards (amdgpu): power1_average or power1_input, uW, updated about every millisecond to every
 * second; made into energy here. nouveau: power1_input of some NVIDIA cards.
 * Permission: all may read these. The engine time of other users' processes needs CAP_SYS_PTRACE.
 * Overlap: an APU's sensor is that of the whole socket, which RAPL's package is already, so it gets
 * no zone; nor has an integrated Intel GPU a sensor of its own (package and uncore have its
 * energy). On xe the board contains the chip: one of them counts. Known lies: after a sleep without
 * power (D3cold) an Intel counter may jump by a whole register; the board's counter of xe stands at
 * 0 on some kernels; of a card with two chips (MI250) only the first tells power, which is that of
 * both.
 *
 * A GPU that sleeps is not touched: reading would wake it, or fail. Every reading also begins its
 * time until sleep anew, so that a GPU read each second would never sleep at all. One that does
 * nothing is therefore left alone for longer than it takes to fall asleep.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "meter/drm_clients.h"
#include "meter/drm_scan.h"
#include "meter/gauge.h"
#include "meter/meter_ops.h"

#define SCAN_NS (10 * NSEC_PER_SEC)
#define REST_SLACK_NS NSEC_PER_SEC
#define REST_MAX_NS (60 * NSEC_PER_SEC)

/* A power reading says nothing of the time before, when the one before is older. */
#define GAP_NS (90 * NSEC_PER_SEC)

struct card {
	bool present; /* seen by the last scan */
	struct drm_found found;
	int device_fd;                /* -1: there is no such card */
	int input_fd[DRM_INPUTS_MAX]; /* -1: lost, or not yet opened */
	bool learned;                 /* what only a GPU that is awake tells: */
	bool apu;
	u64 limit_uw;

	struct drm_sleep sleep;
	bool told, read_once; /* shown so far; its sensor was read at least once */
	enum meter_status status;
	u64 value_uj, taken_ns; /* of the last reading */
	u32 restarts;
	struct gauge gauge;

	u64 clock_ns;   /* monotonic time less the time asleep, at the last reading */
	u64 passed_ns;  /* on that clock, between the last two readings */
	u64 power_uw;   /* mean since the reading before; 0: not known */
	u64 floor_uw;   /* the least that this was */
	u64 rest_until; /* boot clock */
	bool open;      /* read in this poll */
};

struct drm {
	int sys_fd;
	struct card card[DRM_CARDS_MAX];
	struct drm_gpu gpu[DRM_CARDS_MAX]; /* the same index */
	struct drm_clients *clients;
	u64 next_scan_ns;
};

static bool is_measured(const struct card *card)
{
	return card->present && card->found.sensor != DRM_NOTHING && !card->apu;
}

static void close_inputs(struct card *card)
{
	for (u32 i = 0; i < DRM_INPUTS_MAX; i++) {
		if (card->input_fd[i] >= 0)
			close(card->input_fd[i]);
		card->input_fd[i] = -1;
	}
}

static void remove_card(struct drm *drm, struct card *card)
{
	close_inputs(card);
	if (card->device_fd >= 0)
		close(card->device_fd);
	card->device_fd = -1;
	drm_clients_forget(drm->clients, (u32)(card - drm->card));
}

static int open_inputs(struct card *card)
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

/* Begins, or begins anew: the counter of a driver that came back may be another. */
static void start_card(struct drm *drm, struct card *card, const struct drm_found *found)
{
	int r;

	if (card->told)
		card->restarts++;
	remove_card(drm, card);
	card->found = *found;
	card->learned = card->apu = false;
	card->read_once = false;
	card->rest_until = card->floor_uw = card->power_uw = 0;
	card->gauge.kind = found->sensor == DRM_POWER_INSTANT ? GAUGE_INSTANT : GAUGE_AVERAGE;
	card->gauge.gap_ns = GAP_NS;
	card->gauge.started = false;
	card->status = METER_ABSENT;
	card->device_fd = drm_open_device(drm->sys_fd, found->card);
	if (card->device_fd < 0 || found->sensor == DRM_NOTHING)
		return;
	r = open_inputs(card);
	if (r < 0)
		card->status = meter_status_of_errno(r);
}

/* The card of this address; else a place for it, or NULL. */
static struct card *card_of(struct drm *drm, const struct drm_found *found)
{
	struct card *free_place = NULL;

	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		struct card *card = &drm->card[i];

		if (strcmp(card->found.address, found->address) == 0)
			return card;
		if (!card->present && (!free_place || !card->found.address[0]))
			free_place = card;
	}
	if (free_place) {
		remove_card(drm, free_place);
		*free_place = (struct card){ .device_fd = -1 };
		memset(free_place->input_fd, -1, sizeof(free_place->input_fd));
	}
	return free_place;
}

/* Whether nothing needs to be looked for: its files are open, and it counts. */
static bool is_well(const struct card *card)
{
	return card->apu ||
	       (card->input_fd[0] >= 0 && (card->found.sensor != DRM_ENERGY || card->value_uj > 0));
}

static void scan_card(struct drm *drm, u32 number)
{
	struct drm_found found;
	struct card *card;

	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		card = &drm->card[i];
		if (card->device_fd >= 0 && card->found.card == number && is_well(card)) {
			card->present = true;
			return;
		}
	}
	if (drm_identify(drm->sys_fd, number, &found) < 0)
		return;
	card = card_of(drm, &found);
	if (!card)
		return;
	if (card->device_fd < 0 || card->input_fd[0] < 0 ||
	    memcmp(&card->found, &found, sizeof(found)) != 0)
		start_card(drm, card, &found);
	card->present = true;
}

static void scan(struct drm *drm, u64 now_ns)
{
	bool before[DRM_CARDS_MAX];
	u32 numbers[DRM_CARDS_MAX];
	int count = drm_list(drm->sys_fd, numbers);

	drm->next_scan_ns = now_ns + SCAN_NS;
	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		before[i] = drm->card[i].present;
		drm->card[i].present = false;
	}
	for (int i = 0; i < count; i++)
		scan_card(drm, numbers[i]);
	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		if (before[i] && !drm->card[i].present)
			remove_card(drm, &drm->card[i]);
	}
}

static void learn(struct card *card)
{
	if (card->learned)
		return;
	card->learned = true;
	card->apu = strcmp(card->found.driver, "amdgpu") == 0 &&
		    drm_is_apu(card->device_fd, &card->found);
	card->limit_uw = drm_limit_uw(card->device_fd, &card->found);
	if (card->apu)
		close_inputs(card);
}

/* The sum of the card's sensors. Returns 0 or a negative errno. */
static int read_inputs(const struct card *card, u64 *sum)
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

static void take_value(struct card *card, u64 value, const struct meter_poll *when)
{
	u64 clock_ns = when->awake_ns - u64_min(card->sleep.slept_ns, when->awake_ns);

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

static void let_sleep(struct card *card, u64 now_ns)
{
	card->status = METER_OK;
	card->taken_ns = now_ns;
	card->rest_until = 0;
}

static void read_card(struct drm *drm, struct card *card, const struct meter_poll *when)
{
	u64 value;
	int r;

	card->open = false;
	if (card->input_fd[0] < 0)
		return;
	drm_sleep_read(card->device_fd, &card->sleep);
	if (card->sleep.asleep) {
		let_sleep(card, when->now_ns);
		return;
	}
	if (when->now_ns < card->rest_until)
		return;
	learn(card);
	if (card->apu)
		return;
	r = read_inputs(card, &value);
	if (r == 0) {
		take_value(card, value, when);
		return;
	}
	/* It may just have fallen asleep: amdgpu refuses then. */
	drm_sleep_read(card->device_fd, &card->sleep);
	if (card->sleep.asleep) {
		let_sleep(card, when->now_ns);
		return;
	}
	card->status = meter_status_of_errno(r);
	if (card->status == METER_ABSENT) {
		close_inputs(card);
		drm->next_scan_ns = 0;
	}
}

/*
 * Leaves a GPU that may sleep alone for a while when nobody uses it: no known client did anything,
 * and it draws about the least that was ever seen (other users' clients may not be known).
 */
static void rest(struct card *card, const struct drm_gpu *gpu, u64 now_ns)
{
	card->rest_until = 0;
	if (!card->open || card->power_uw == 0)
		return;
	if (card->floor_uw == 0 || card->power_uw < card->floor_uw)
		card->floor_uw = card->power_uw;
	if (card->sleep.may_sleep && gpu->work == 0 &&
	    card->power_uw - card->floor_uw <= card->floor_uw / 4)
		card->rest_until =
			now_ns + u64_min(card->sleep.delay_ns, REST_MAX_NS) + REST_SLACK_NS;
}

static void add_zone(struct card *card, struct drm_gpu *gpu, struct meter_sample *sample)
{
	struct meter_zone zone = {
		.domain = DOMAIN_GPU,
		.quality = QUALITY_MEASURED,
		.limit_uw = card->limit_uw < UINT64_MAX / 2 ? 2 * card->limit_uw : 0,
		.may_rest = card->sleep.may_sleep || card->sleep.asleep,
	};
	struct sample_zone *place;

	if (card->sleep.may_sleep)
		zone.period_ns = u64_min(card->sleep.delay_ns, REST_MAX_NS) + REST_SLACK_NS;
	snprintf(zone.package, sizeof(zone.package), "card%u", card->found.card);
	memcpy(zone.device, card->found.address, sizeof(zone.device));
	memcpy(zone.name, card->found.name, sizeof(zone.name));
	place = sample_add(sample, &zone);
	if (!place)
		return;
	gpu->zone = sample->zones - 1;
	place->status = card->status;
	place->value_uj = card->value_uj;
	place->taken_ns = card->taken_ns;
	place->epoch = card->restarts + card->gauge.epoch;
	card->told = true;
	memcpy(gpu->address, card->found.address, sizeof(gpu->address));
	gpu->card = card->found.card;
	gpu->render = card->found.render;
	gpu->open = card->open;
	gpu->elapsed_ns = card->passed_ns;
}

static const char *sensor_name(const struct card *card)
{
	if (card->sleep.asleep)
		return "asleep";
	return card->found.sensor == DRM_ENERGY ? "energy" : "power";
}

static void note_unmeasured(const struct card *card, struct meter_report *report)
{
	const struct drm_found *f = &card->found;
	struct meter_note *note;

	if (card->apu) {
		report_note(report, METER_INFO, "apu",
			    "card%u (%s) is part of the processor: its energy is in package",
			    f->card, f->name);
		return;
	}
	/* Intel's integrated GPUs have had this address ever since. */
	if (strcmp(f->address, "0000:00:02.0") == 0) {
		report_note(report, METER_INFO, "integrated",
			    "card%u (%s) is part of the processor: its energy is in package, and "
			    "alone in uncore where RAPL has that",
			    f->card, f->name);
		return;
	}
	note = report_note(report, METER_WARNING, "no-sensor",
			   "card%u (%s, driver %s) shows neither energy nor power", f->card,
			   f->name, f->driver);
	if (strcmp(f->driver, "i915") == 0)
		report_remedy(note, "use Linux 6.2 or later, or the xe driver");
	else if (strcmp(f->driver, "nouveau") == 0)
		report_remedy(note, "use NVIDIA's driver: its library tells energy");
}

static void note_denied(u32 denied, struct meter_report *report)
{
	struct meter_note *note;

	if (denied == 0)
		return;
	note = report_note(
		report, METER_WARNING, "gpu-clients",
		"what other users' processes do on the GPUs can't be seen; their share of "
		"its energy has no owner");
	report_remedy(note, "grant CAP_SYS_PTRACE");
}

static void describe(const struct drm *drm, struct meter_report *report)
{
	u32 measured = 0;

	report_begin(report);
	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		const struct card *card = &drm->card[i];

		if (card->present && !is_measured(card))
			note_unmeasured(card, report);
		if (!is_measured(card))
			continue;
		report_append(report, "%scard%u (%s, %s)", measured++ ? ", " : "", card->found.card,
			      card->found.driver, sensor_name(card));
	}
	if (measured == 0)
		report_found(report, "no GPU that has a meter of its own");
	else
		note_denied(drm_clients_denied(drm->clients), report);
}

static void drm_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
	struct drm *drm = priv;

	if (when->now_ns >= drm->next_scan_ns)
		scan(drm, when->now_ns);
	memset(drm->gpu, 0, sizeof(drm->gpu));
	for (u32 i = 0; i < DRM_CARDS_MAX && !slow_stopping(when->stop); i++) {
		struct card *card = &drm->card[i];

		if (is_measured(card))
			read_card(drm, card, when);
		if (is_measured(card))
			add_zone(card, &drm->gpu[i], sample);
	}
	if (sample->zones)
		drm_clients_poll(drm->clients, drm->gpu, DRM_CARDS_MAX, when, sample);
	else
		sample->next_ns = drm->next_scan_ns;
	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		if (is_measured(&drm->card[i]) && drm->card[i].open)
			rest(&drm->card[i], &drm->gpu[i], when->now_ns);
	}
	describe(drm, &sample->report);
}

static bool has_gpu(int sys_fd)
{
	u32 numbers[DRM_CARDS_MAX];
	int count = drm_list(sys_fd, numbers);

	for (int i = 0; i < count; i++) {
		if (drm_is_gpu(sys_fd, numbers[i]))
			return true;
	}
	return false;
}

static struct drm *drm_free(struct drm *drm)
{
	if (!drm)
		return NULL;
	for (u32 i = 0; i < DRM_CARDS_MAX; i++)
		remove_card(drm, &drm->card[i]);
	drm_clients_free(drm->clients);
	if (drm->sys_fd >= 0)
		close(drm->sys_fd);
	free(drm);
	return NULL;
}

static int drm_open(struct meter *meter, const struct sysroot *root,
		    const struct meter_options *options)
{
	struct drm *drm;
	int r;

	if (!has_gpu(root->sys_fd)) {
		report_found(&meter->report, "no GPU with a driver of AMD, Intel or nouveau");
		return 0;
	}
	drm = calloc(1, sizeof(*drm));
	if (!drm)
		return -ENOMEM;
	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		drm->card[i].device_fd = -1;
		memset(drm->card[i].input_fd, -1, sizeof(drm->card[i].input_fd));
	}
	drm->sys_fd = fcntl(root->sys_fd, F_DUPFD_CLOEXEC, 0);
	r = drm->sys_fd < 0 ? -ENOMEM : drm_clients_new(root, &drm->clients);
	if (r < 0) {
		drm_free(drm);
		return -ENOMEM;
	}
	meter->priv = drm;
	return 0;
}

static void drm_close(struct meter *meter)
{
	meter->priv = drm_free(meter->priv);
}

const struct meter_ops meter_drm = {
	.id = METER_DRM,
	.name = "drm",
	.source = "drm",
	.description = "AMD and Intel GPUs through the kernel (DRM, hwmon)",
	.open = drm_open,
	.poll = drm_poll,
	.close = drm_close,
};
