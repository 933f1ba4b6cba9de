// SPDX-License-Identifier: Apache-2.0
/*
 * AMD and Intel GPUs by what the kernel's own drivers tell, without a vendor's library.
 *
 * Interface: <sys>/class/drm/cardN/device/hwmon/hwmonM/; for the processes <proc>/PID/fdinfo/FD
 * (drm_clients.h) and, of those that compute on AMD cards, <sys>/class/kfd (drm_kfd.h).
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

#include <linux/capability.h>

#include "base/cleanup.h"
#include "meter/drm_card.h"
#include "meter/drm_clients.h"
#include "meter/meter_ops.h"

#define SCAN_NS (10 * NSEC_PER_SEC)

struct drm {
	int sys_fd;
	struct drm_card card[DRM_CARDS_MAX];
	struct drm_gpu gpu[DRM_CARDS_MAX]; /* the same index */
	struct drm_clients *clients;
	u64 next_scan_ns;
};

static void remove_card(struct drm *drm, struct drm_card *card)
{
	drm_card_close(card);
	drm_clients_forget(drm->clients, (u32)(card - drm->card));
}

/* The card of this address; else a place for it, or NULL. */
static struct drm_card *card_of(struct drm *drm, const struct drm_found *found)
{
	struct drm_card *free_place = NULL;

	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		struct drm_card *card = &drm->card[i];

		if (strcmp(card->found.address, found->address) == 0)
			return card;
		if (!card->present && !card->seen && (!free_place || !card->found.address[0]))
			free_place = card;
	}
	if (free_place) {
		remove_card(drm, free_place);
		drm_card_init(free_place);
	}
	return free_place;
}

static void scan_card(struct drm *drm, u32 number)
{
	struct drm_found found;
	struct drm_card *card;

	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		card = &drm->card[i];
		if (card->device_fd >= 0 && card->found.card == number && drm_card_is_well(card)) {
			card->seen = true;
			return;
		}
	}
	if (drm_identify(drm->sys_fd, number, &found) < 0)
		return;
	card = card_of(drm, &found);
	if (!card)
		return;
	if (card->device_fd < 0 || card->input_fd[0] < 0 ||
	    memcmp(&card->found, &found, sizeof(found)) != 0) {
		drm_clients_forget(drm->clients, (u32)(card - drm->card));
		drm_card_start(card, drm->sys_fd, &found);
	}
	card->seen = true;
}

static void scan(struct drm *drm, u64 now_ns)
{
	u32 numbers[DRM_CARDS_MAX];
	int count = drm_list(drm->sys_fd, numbers);

	drm->next_scan_ns = now_ns + SCAN_NS;
	for (u32 i = 0; i < DRM_CARDS_MAX; i++)
		drm->card[i].seen = false;
	for (int i = 0; i < count; i++)
		scan_card(drm, numbers[i]);
	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		if (drm->card[i].present && !drm->card[i].seen)
			remove_card(drm, &drm->card[i]);
		drm->card[i].present = drm->card[i].seen;
	}
}

static void add_zone(struct drm_card *card, struct drm_gpu *gpu, struct meter_sample *sample)
{
	struct meter_zone zone = {
		.domain = DOMAIN_GPU,
		.quality = QUALITY_MEASURED,
		.limit_uw = card->limit_uw < UINT64_MAX / 2 ? 2 * card->limit_uw : 0,
		.may_rest = card->sleep.may_sleep || card->sleep.asleep,
	};
	struct sample_zone *place;

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
	gpu->kfd_id = card->kfd.id;
	gpu->units = card->kfd.units;
}

static const char *sensor_name(const struct drm_card *card)
{
	if (card->sleep.asleep)
		return "asleep";
	return card->found.sensor == DRM_ENERGY ? "energy" : "power";
}

static void note_unmeasured(const struct drm_card *card, struct meter_report *report)
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
		"what other users' processes do on the GPUs can't be seen, so the energy "
		"of that has no owner");
	report_remedy(note, "grant CAP_SYS_PTRACE");
}

static void describe(const struct drm *drm, struct meter_report *report)
{
	u32 measured = 0;

	report_begin(report);
	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		const struct drm_card *card = &drm->card[i];

		if (card->present && !drm_card_is_measured(card))
			note_unmeasured(card, report);
		if (!drm_card_is_measured(card))
			continue;
		report_append(report, "%scard%u (%s, %s)", measured++ ? ", " : "", card->found.card,
			      card->found.driver, sensor_name(card));
	}
	if (measured == 0)
		report_found(report, "no GPU that has a meter of its own");
	else
		note_denied(drm_clients_denied(drm->clients), report);
	if (measured && drm_clients_crowded(drm->clients))
		report_note(report, METER_WARNING, "many-clients",
			    "GPUs are opened more than %u times: what some do may have no owner",
			    DRM_CLIENTS_MAX);
}

/* What follows from what the users did: when each card is read next, and what is known of it. */
static void rest_cards(struct drm *drm, u64 now_ns, struct meter_sample *sample)
{
	for (u32 i = 0; i < DRM_CARDS_MAX; i++) {
		struct drm_card *card = &drm->card[i];
		const struct drm_gpu *gpu = &drm->gpu[i];

		if (!gpu->address[0])
			continue;
		if (card->open)
			drm_card_rest(card, gpu->work, now_ns);
		sample->zone[gpu->zone].zone.period_ns = drm_card_period_ns(card, now_ns);
		sample->zone[gpu->zone].zone.users_hidden = drm_clients_hidden(drm->clients);
	}
}

static void drm_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
	struct drm *drm = priv;

	if (when->now_ns >= drm->next_scan_ns)
		scan(drm, when->now_ns);
	memset(drm->gpu, 0, sizeof(drm->gpu));
	for (u32 i = 0; i < DRM_CARDS_MAX && !slow_stopping(when->stop); i++) {
		struct drm_card *card = &drm->card[i];

		if (drm_card_is_measured(card) && !drm_card_read(card, drm->sys_fd, when))
			drm->next_scan_ns = 0;
		if (drm_card_is_measured(card))
			add_zone(card, &drm->gpu[i], sample);
	}
	if (sample->zones) {
		drm_clients_poll(drm->clients, drm->gpu, DRM_CARDS_MAX, when, sample);
		drm_kfd_poll(drm->sys_fd, drm->gpu, DRM_CARDS_MAX, sample);
	} else {
		sample->next_ns = drm->next_scan_ns;
	}
	rest_cards(drm, when->now_ns, sample);
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
		drm_card_init(&drm->card[i]);
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
	.capabilities = 1ULL << CAP_SYS_PTRACE, /* to see other users' fdinfo */
	.open = drm_open,
	.poll = drm_poll,
	.close = drm_close,
};
