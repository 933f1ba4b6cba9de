// SPDX-License-Identifier: Apache-2.0
/*
 * A list under one mutex: there are a few hundred connections at most, and it is touched a few
 * times per request. The thread sleeps until the next deadline, and for good while nobody is
 * connected.
 */
#include "serve/conns.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"

enum conn_state {
	CONN_HEADER,   /* a request is arriving, or is yet to */
	CONN_RESPONSE, /* a response is on its way */
	CONN_IDLE,     /* between two requests */
};

struct conn {
	struct conn *next, *previous;
	int fd;
	enum conn_state state;
	bool cut;    /* shut down; no longer counted */
	bool stream; /* takes one of the places for streams */
	u64 since_ns;
	u64 deadline_ns;
	_Atomic u64 progress_ns;
};

struct conns {
	struct conn_limits limits;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool started, stop;
	u64 sleep_until_ns; /* what the thread waits for */
	struct conn *first;
	u32 count; /* not cut */
	u32 streams;
	u64 cuts[CONN_CUT_MAX];
};

/* What pthread_cond_timedwait can wait on. */
static u64 now_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

static void release_stream(struct conns *conns, struct conn *conn)
{
	if (conn->stream)
		conns->streams--;
	conn->stream = false;
}

/* The fd is open as long as the connection is in the list. */
static void cut(struct conns *conns, struct conn *conn)
{
	conn->cut = true;
	conns->count--;
	release_stream(conns, conn);
	shutdown(conn->fd, SHUT_RDWR);
}

/* Cuts who is late and returns the next deadline. */
static u64 cut_late(struct conns *conns, u64 now)
{
	u64 next_ns = UINT64_MAX;

	for (struct conn *conn = conns->first; conn; conn = conn->next) {
		if (conn->cut)
			continue;
		if (conn->deadline_ns > now) {
			next_ns = u64_min(next_ns, conn->deadline_ns);
			continue;
		}
		if (conn->state != CONN_IDLE)
			conns->cuts[conn->state == CONN_HEADER ? CONN_CUT_HEADER
							       : CONN_CUT_RESPONSE]++;
		cut(conns, conn);
	}
	return next_ns;
}

static void *keep_times(void *arg)
{
	struct conns *conns = arg;

	pthread_mutex_lock(&conns->lock);
	while (!conns->stop) {
		conns->sleep_until_ns = cut_late(conns, now_ns());
		if (conns->sleep_until_ns == UINT64_MAX) {
			pthread_cond_wait(&conns->wake, &conns->lock);
		} else {
			struct timespec until = {
				.tv_sec = (time_t)(conns->sleep_until_ns / NSEC_PER_SEC),
				.tv_nsec = (long)(conns->sleep_until_ns % NSEC_PER_SEC),
			};

			pthread_cond_timedwait(&conns->wake, &conns->lock, &until);
		}
	}
	pthread_mutex_unlock(&conns->lock);
	return NULL;
}

/* The thread takes no signals: they are the main thread's. */
static int start_thread(struct conns *conns)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&conns->thread, NULL, keep_times, conns);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	conns->started = r == 0;
	return -r;
}

int conns_new(struct conns **conns, const struct conn_limits *limits)
{
	struct conns *new = calloc(1, sizeof(*new));
	pthread_condattr_t attr;
	int r;

	if (!new)
		return -ENOMEM;
	new->limits = *limits;
	pthread_mutex_init(&new->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&new->wake, &attr);
	pthread_condattr_destroy(&attr);
	r = start_thread(new);
	if (r < 0) {
		conns_free(new);
		return r;
	}
	*conns = new;
	return 0;
}

struct conns *conns_free(struct conns *conns)
{
	if (!conns)
		return NULL;
	if (conns->started) {
		pthread_mutex_lock(&conns->lock);
		conns->stop = true;
		pthread_cond_signal(&conns->wake);
		pthread_mutex_unlock(&conns->lock);
		pthread_join(conns->thread, NULL);
	}
	pthread_cond_destroy(&conns->wake);
	pthread_mutex_destroy(&conns->lock);
	free(conns);
	return NULL;
}

/* Into @state from now on, to leave it within @limit_ns. */
static void enter(struct conns *conns, struct conn *conn, enum conn_state state, u64 limit_ns)
{
	conn->state = state;
	conn->since_ns = now_ns();
	conn->progress_ns = conn->since_ns;
	conn->deadline_ns = conn->since_ns + limit_ns;
	if (conn->deadline_ns < conns->sleep_until_ns)
		pthread_cond_signal(&conns->wake);
}

/* The response, of the streams or of all, that is longest without progress, if that is long. */
static struct conn *find_stalled(struct conns *conns, bool stream)
{
	struct conn *found = NULL;

	for (struct conn *conn = conns->first; conn; conn = conn->next) {
		if (conn->cut || conn->state != CONN_RESPONSE || (stream && !conn->stream))
			continue;
		if (!found || conn->progress_ns < found->progress_ns)
			found = conn;
	}
	return found && now_ns() - found->progress_ns >= conns->limits.stall_ns ? found : NULL;
}

static struct conn *find_waiting(struct conns *conns)
{
	struct conn *found = NULL;

	for (struct conn *conn = conns->first; conn; conn = conn->next) {
		if (!conn->cut && conn->state != CONN_RESPONSE &&
		    (!found || conn->since_ns < found->since_ns))
			found = conn;
	}
	return found;
}

/* Room for one more connection; false: everybody here is being served. */
static bool make_room(struct conns *conns)
{
	struct conn *conn;

	if (conns->count < conns->limits.connections)
		return true;
	conn = find_waiting(conns);
	if (!conn)
		conn = find_stalled(conns, false);
	conns->cuts[CONN_CUT_LIMIT]++;
	if (conn)
		cut(conns, conn);
	return conn != NULL;
}

struct conn *conns_add(struct conns *conns, int fd)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->fd = fd;
	pthread_mutex_lock(&conns->lock);
	if (!make_room(conns)) {
		pthread_mutex_unlock(&conns->lock);
		free(conn);
		return NULL;
	}
	conn->next = conns->first;
	if (conns->first)
		conns->first->previous = conn;
	conns->first = conn;
	conns->count++;
	enter(conns, conn, CONN_HEADER, conns->limits.header_ns);
	pthread_mutex_unlock(&conns->lock);
	return conn;
}

void conns_remove(struct conns *conns, struct conn *conn)
{
	if (!conn)
		return;
	pthread_mutex_lock(&conns->lock);
	release_stream(conns, conn);
	if (!conn->cut)
		conns->count--;
	if (conn->next)
		conn->next->previous = conn->previous;
	if (conn->previous)
		conn->previous->next = conn->next;
	else
		conns->first = conn->next;
	pthread_mutex_unlock(&conns->lock);
	free(conn);
}

void conns_request(struct conns *conns, struct conn *conn)
{
	pthread_mutex_lock(&conns->lock);
	if (conn->state == CONN_IDLE && !conn->cut)
		enter(conns, conn, CONN_HEADER, conns->limits.header_ns);
	pthread_mutex_unlock(&conns->lock);
}

bool conns_respond(struct conns *conns, struct conn *conn, bool stream)
{
	bool room = true;

	pthread_mutex_lock(&conns->lock);
	if (!conn->cut) {
		if (stream && conns->streams >= conns->limits.streams) {
			struct conn *stalled = find_stalled(conns, true);

			room = stalled != NULL;
			if (room) {
				conns->cuts[CONN_CUT_STREAM]++;
				cut(conns, stalled);
			}
		}
		if (stream && room) {
			conn->stream = true;
			conns->streams++;
		}
		enter(conns, conn, CONN_RESPONSE, conns->limits.response_ns);
	}
	pthread_mutex_unlock(&conns->lock);
	return room;
}

void conns_progress(struct conn *conn)
{
	atomic_store_explicit(&conn->progress_ns, now_ns(), memory_order_relaxed);
}

void conns_idle(struct conns *conns, struct conn *conn)
{
	pthread_mutex_lock(&conns->lock);
	release_stream(conns, conn);
	if (!conn->cut)
		enter(conns, conn, CONN_IDLE, conns->limits.idle_ns);
	pthread_mutex_unlock(&conns->lock);
}

void conns_cuts(struct conns *conns, u64 cuts[CONN_CUT_MAX])
{
	pthread_mutex_lock(&conns->lock);
	for (u32 i = 0; i < CONN_CUT_MAX; i++)
		cuts[i] = conns->cuts[i];
	pthread_mutex_unlock(&conns->lock);
}

u32 conns_count(struct conns *conns)
{
	u32 count;

	pthread_mutex_lock(&conns->lock);
	count = conns->count;
	pthread_mutex_unlock(&conns->lock);
	return count;
}
