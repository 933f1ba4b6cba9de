// SPDX-License-Identifier: Apache-2.0
#include "meter/slow.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#define STALE_PERIODS 3
#define ABSENT_PERIODS 10
#define PERIOD_MIN_NS (2 * NSEC_PER_SEC)

/* How long the end of the program waits for a thread that hangs in a device. */
#define END_WAIT_SEC 3

struct slow {
	const struct meter_ops *ops;
	void *priv;
	struct slow_stop stop;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;  /* wanted, taken or ending */
	pthread_cond_t done;  /* a poll is complete */
	bool wanted, running, ending, ready;
	u64 next_ns;
	u64 duration_ns;                         /* of the last poll */
	struct meter_sample *back, *box, *front; /* the thread's, the mailbox, the tick's */
	bool has_front;
};

bool slow_stopping(const struct slow_stop *stop)
{
	struct pollfd fd = { .fd = stop->fd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

static int init_locks(struct slow *slow)
{
	pthread_condattr_t attr;

	if (pthread_mutex_init(&slow->lock, NULL) != 0)
		return -ENOMEM;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&slow->wake, &attr);
	pthread_cond_init(&slow->done, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

static void release(struct slow *slow)
{
	if (slow->stop.fd >= 0)
		close(slow->stop.fd);
	free(slow->back);
	free(slow->box);
	free(slow->front);
	free(slow);
}

int slow_new(const struct meter_ops *ops, void *priv, struct slow **out)
{
	struct slow *slow = calloc(1, sizeof(*slow));

	if (!slow)
		return -ENOMEM;
	slow->ops = ops;
	slow->priv = priv;
	slow->stop.fd = eventfd(0, EFD_CLOEXEC);
	slow->back = calloc(1, sizeof(*slow->back));
	slow->box = calloc(1, sizeof(*slow->box));
	slow->front = calloc(1, sizeof(*slow->front));
	if (slow->stop.fd < 0 || !slow->back || !slow->box || !slow->front ||
	    init_locks(slow) < 0) {
		release(slow);
		return -ENOMEM;
	}
	*out = slow;
	return 0;
}

static void poll_once(struct slow *slow)
{
	u64 begin_ns = clock_read_ns(CLOCK_MONOTONIC);
	struct meter_poll when = { .now_ns = clock_boot_ns(), .awake_ns = begin_ns };
	struct meter_sample *sample;

	when.stop = &slow->stop;
	memset(slow->back, 0, sizeof(*slow->back));
	slow->ops->poll(slow->priv, &when, slow->back);
	pthread_mutex_lock(&slow->lock);
	sample = slow->box;
	slow->box = slow->back;
	slow->back = sample;
	slow->ready = true;
	slow->running = false;
	slow->next_ns = slow->box->next_ns;
	slow->duration_ns = clock_read_ns(CLOCK_MONOTONIC) - begin_ns;
	pthread_cond_broadcast(&slow->done);
	pthread_mutex_unlock(&slow->lock);
}

/* Who used what in a sample that was not taken yet is not thrown away. Energy is in every one. */
static bool is_kept(const struct slow *slow)
{
	return slow->ready && slow->box->uses;
}

static void *run(void *arg)
{
	struct slow *slow = arg;

	pthread_mutex_lock(&slow->lock);
	while (!slow->ending) {
		if (!slow->wanted || is_kept(slow)) {
			pthread_cond_wait(&slow->wake, &slow->lock);
			continue;
		}
		slow->wanted = false;
		slow->running = true;
		pthread_mutex_unlock(&slow->lock);
		poll_once(slow);
		pthread_mutex_lock(&slow->lock);
	}
	pthread_mutex_unlock(&slow->lock);
	return NULL;
}

/* Signals are the main thread's. */
static void start(struct slow *slow)
{
	sigset_t all, before;
	char name[16];

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	slow->started = pthread_create(&slow->thread, NULL, run, slow) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	snprintf(name, sizeof(name), "%s", slow->ops->name);
	if (slow->started)
		pthread_setname_np(slow->thread, name);
}

bool slow_free(struct slow *slow)
{
	struct timespec until;
	u64 one = 1;

	if (!slow)
		return true;
	if (slow->started) {
		pthread_mutex_lock(&slow->lock);
		slow->ending = true;
		pthread_cond_broadcast(&slow->wake);
		pthread_mutex_unlock(&slow->lock);
		if (write(slow->stop.fd, &one, sizeof(one)) < 0)
			return false;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += END_WAIT_SEC;
		if (pthread_clockjoin_np(slow->thread, NULL, CLOCK_MONOTONIC, &until) != 0)
			return false;
	}
	pthread_cond_destroy(&slow->wake);
	pthread_cond_destroy(&slow->done);
	pthread_mutex_destroy(&slow->lock);
	release(slow);
	return true;
}

void slow_kick(struct slow *slow)
{
	if (!slow->started)
		start(slow);
	pthread_mutex_lock(&slow->lock);
	/* What is slow begins when the sample was taken, a quick one is there in the next tick. */
	if (!slow->running && !(is_kept(slow) && slow->duration_ns < METER_WAIT_NS) &&
	    clock_boot_ns() >= slow->next_ns) {
		slow->wanted = true;
		pthread_cond_signal(&slow->wake);
	}
	pthread_mutex_unlock(&slow->lock);
}

static struct timespec timespec_of(u64 ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NSEC_PER_SEC),
				  .tv_nsec = (long)(ns % NSEC_PER_SEC) };
}

const struct meter_sample *slow_take(struct slow *slow, u64 deadline_ns, bool *fresh)
{
	struct timespec until = timespec_of(deadline_ns);
	struct meter_sample *sample;

	*fresh = false;
	pthread_mutex_lock(&slow->lock);
	while ((slow->wanted || slow->running) && slow->duration_ns < METER_WAIT_NS) {
		if (pthread_cond_timedwait(&slow->done, &slow->lock, &until) != 0)
			slow->duration_ns = METER_WAIT_NS; /* so it is not quick any more */
	}
	if (slow->ready) {
		sample = slow->front;
		slow->front = slow->box;
		slow->box = sample;
		slow->ready = false;
		slow->has_front = true;
		*fresh = true;
		pthread_cond_signal(&slow->wake);
	}
	pthread_mutex_unlock(&slow->lock);
	return slow->has_front ? slow->front : NULL;
}

static bool same_zone(const struct meter_zone *a, const struct meter_zone *b)
{
	return a->domain == b->domain && strcmp(a->package, b->package) == 0 &&
	       strcmp(a->name, b->name) == 0;
}

static u32 find_slot(const struct meter *meter, const struct meter_zone *zone)
{
	for (u32 i = 0; i < meter->slots->count; i++) {
		const struct meter_zone *there = &meter->slots->slot[i].zone;

		if (there->meter == meter->index && same_zone(there, zone))
			return i;
	}
	return METER_ZONES_MAX;
}

u32 slow_slot(const struct meter *meter, const struct meter_sample *sample, u32 index)
{
	return index < sample->zones ? find_slot(meter, &sample->zone[index].zone)
				     : METER_ZONES_MAX;
}

static void settle_zone(struct meter *meter, const struct sample_zone *from)
{
	u32 index = find_slot(meter, &from->zone);
	struct meter_slot *slot;

	if (index == METER_ZONES_MAX) {
		int added = meter_add_zone(meter, &from->zone);

		if (added < 0)
			return;
		index = (u32)added;
	}
	slot = &meter->slots->slot[index];
	slot->zone = from->zone;
	slot->zone.meter = meter->index;
	slot->reading.status = from->status;
	slot->reading.value_uj = from->value_uj;
	slot->reading.taken_ns = from->taken_ns;
	slot->reading.epoch = from->epoch;
}

/* What is too old is not a reading any more. */
static void age(struct meter_slot *slot, const struct meter_tick *tick)
{
	u64 between_ns = u64_max(tick->passed_ns - tick->slept_ns, PERIOD_MIN_NS);
	u64 period_ns = u64_max(slot->zone.period_ns, between_ns);
	u64 now_ns = tick->input.now_ns;
	u64 age_ns = now_ns > slot->reading.taken_ns ? now_ns - slot->reading.taken_ns : 0;

	if (slot->reading.status != METER_OK && slot->reading.status != METER_STALE)
		return;
	if (age_ns > ABSENT_PERIODS * period_ns)
		slot->reading.status = METER_ABSENT;
	else if (age_ns > STALE_PERIODS * period_ns)
		slot->reading.status = METER_STALE;
}

void slow_settle(struct meter *meter, const struct meter_sample *sample, bool fresh,
		 const struct meter_tick *tick)
{
	if (fresh) {
		meter->report = sample->report;
		for (u32 i = 0; i < meter->slots->count; i++) {
			struct meter_slot *slot = &meter->slots->slot[i];

			if (slot->zone.meter == meter->index)
				slot->reading.status = METER_ABSENT;
		}
		for (u32 i = 0; i < sample->zones; i++)
			settle_zone(meter, &sample->zone[i]);
	}
	for (u32 i = 0; i < meter->slots->count; i++) {
		struct meter_slot *slot = &meter->slots->slot[i];

		if (slot->zone.meter == meter->index)
			age(slot, tick);
	}
}
