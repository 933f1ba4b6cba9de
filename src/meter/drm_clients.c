// SPDX-License-Identifier: Apache-2.0
#include "meter/drm_clients.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/hash.h"
#include "meter/drm_fdinfo.h"

/* Links that are read in one poll, a few more to end with a whole process. */
#define LINKS_PER_POLL 1024
#define FDS_MAX 4096 /* of one process that are looked at */
#define PIDS_MAX 65536
#define TEXT_MAX 8192
#define NO_GPU UINT32_MAX

struct client_engine {
	u64 name; /* hash */
	u64 busy; /* ns or cycles; the most that was read */
	u64 total_cycles;
};

struct client {
	u32 gpu; /* index */
	u32 pid, fd;
	u64 id;
	bool pending; /* found while its GPU slept or was left alone: not read, id not known */
	bool born;    /* a pending one: it was not there at the last look */
	bool held;    /* pid has it open */
	u32 lost;     /* the look under way, or the last one, when it was not held any more */
	u32 worked;   /* the same, when it came or did something last */
	u32 engines;
	struct client_engine engine[DRM_ENGINES_MAX];
};

/* One look through all processes. */
struct look {
	u32 number; /* of looks begun */
	u32 ended;
	bool running;
	u64 next_ns; /* boot clock */
	u32 count, at;
	u32 denied;
};

struct drm_clients {
	int proc_fd;
	struct client *client;
	u32 count, capacity;
	u32 *pids;
	u32 pids_capacity;
	struct look look;
	u32 denied;
	u32 crowded; /* the look in which there was no room last; 0: never */

	/* Of the poll under way. */
	struct drm_gpu *gpus;
	u32 gpu_count;
	struct meter_sample *sample;
	struct drm_fdinfo info;
	char text[TEXT_MAX];
};

int drm_clients_new(const struct sysroot *root, struct drm_clients **out)
{
	struct drm_clients *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->proc_fd = fcntl(root->proc_fd, F_DUPFD_CLOEXEC, 0);
	if (c->proc_fd < 0) {
		int r = -errno;

		free(c);
		return r;
	}
	*out = c;
	return 0;
}

struct drm_clients *drm_clients_free(struct drm_clients *c)
{
	if (!c)
		return NULL;
	close(c->proc_fd);
	free(c->client);
	free(c->pids);
	free(c);
	return NULL;
}

u32 drm_clients_denied(const struct drm_clients *c)
{
	return c->denied;
}

bool drm_clients_hidden(const struct drm_clients *c)
{
	return c->denied > 0 || c->look.ended == 0 || drm_clients_crowded(c);
}

bool drm_clients_crowded(const struct drm_clients *c)
{
	return c->crowded && c->crowded + 1 >= c->look.number;
}

u32 drm_clients_count(const struct drm_clients *c)
{
	return c ? c->count : 0;
}

static u32 gpu_of_node(const struct drm_clients *c, bool is_render, u32 number)
{
	for (u32 i = 0; i < c->gpu_count; i++) {
		const struct drm_gpu *gpu = &c->gpus[i];

		if (gpu->address[0] && number == (is_render ? gpu->render : gpu->card))
			return i;
	}
	return NO_GPU;
}

static u32 gpu_of_address(const struct drm_clients *c, const char *address)
{
	for (u32 i = 0; i < c->gpu_count; i++) {
		if (address[0] && strcmp(c->gpus[i].address, address) == 0)
			return i;
	}
	return NO_GPU;
}

static void drop(struct drm_clients *c, u32 index)
{
	c->client[index] = c->client[--c->count];
}

void drm_clients_forget(struct drm_clients *c, u32 index)
{
	for (u32 i = drm_clients_count(c); i-- > 0;) {
		if (c->client[i].gpu == index)
			drop(c, i);
	}
}

/* The engine of this name, a new one at 0 if need be; NULL without room. */
static struct client_engine *engine_of(struct client *client, const struct drm_engine *from)
{
	u64 name = hash_text(from->name, sizeof(from->name), HASH_SEED);

	for (u32 i = 0; i < client->engines; i++) {
		if (client->engine[i].name == name)
			return &client->engine[i];
	}
	if (client->engines == DRM_ENGINES_MAX)
		return NULL;
	client->engine[client->engines] = (struct client_engine){ .name = name };
	return &client->engine[client->engines++];
}

/*
 * What an engine did since it was last read: ns of one engine of its kind. A value may be lower
 * than the last for a while; the larger one holds until it is reached again.
 */
static u64 engine_work(struct client_engine *engine, const struct drm_engine *now, u64 elapsed_ns)
{
	u64 value = now->has_ns ? now->busy_ns : now->cycles;
	u64 done = (value > engine->busy ? value - engine->busy : 0) / now->capacity;
	u64 before = engine->total_cycles, passed;

	engine->busy = u64_max(engine->busy, value);
	engine->total_cycles = now->total_cycles;
	if (now->has_ns)
		return done;
	/* Cycles mean something between two readings only. */
	if (before == 0 || now->total_cycles <= before)
		return 0;
	passed = now->total_cycles - before;
	return (u64)((u128)elapsed_ns * u64_min(done, passed) / passed);
}

/* Takes what was read of @client and returns what it did since the last time. */
static u64 take_engines(struct client *client, const struct drm_fdinfo *info, u64 elapsed_ns)
{
	u64 work = 0;

	for (u32 i = 0; i < info->engines; i++) {
		const struct drm_engine *now = &info->engine[i];
		struct client_engine *engine = engine_of(client, now);

		if (engine && (now->has_ns || now->has_cycles))
			work += engine_work(engine, now, elapsed_ns);
	}
	return work;
}

/* Reads the fdinfo of a descriptor into c->info. Returns 0 or a negative errno. */
static int read_info(struct drm_clients *c, u32 pid, u32 fd)
{
	char path[48];
	ssize_t len;

	snprintf(path, sizeof(path), "%u/fdinfo/%u", pid, fd);
	len = sysroot_read_text(c->proc_fd, path, c->text, sizeof(c->text));
	return len < 0 ? (int)len : drm_fdinfo_parse(c->text, &c->info);
}

static struct client *find_client(struct drm_clients *c, u32 gpu, u64 id)
{
	for (u32 i = 0; i < c->count; i++) {
		struct client *client = &c->client[i];

		if (!client->pending && client->gpu == gpu && client->id == id)
			return client;
	}
	return NULL;
}

static bool is_holder(const struct drm_clients *c, u32 pid, u32 fd)
{
	for (u32 i = 0; i < c->count; i++) {
		const struct client *client = &c->client[i];

		if (client->held && client->pid == pid && client->fd == fd)
			return true;
	}
	return false;
}

/* Room for one more: when there is none, that of one that did nothing in a whole look, or NULL. */
static struct client *client_place(struct drm_clients *c)
{
	if (c->count < DRM_CLIENTS_MAX &&
	    grow(&c->client, &c->capacity, c->count + 1, sizeof(*c->client)) == 0)
		return &c->client[c->count++];
	c->crowded = c->look.number;
	for (u32 i = 0; i < c->count; i++) {
		if (c->client[i].worked + 1 < c->look.number)
			return &c->client[i];
	}
	return NULL;
}

static struct client *add_client(struct drm_clients *c, u32 gpu, u32 pid, u32 fd)
{
	struct client *client = client_place(c);

	if (client)
		*client = (struct client){
			.gpu = gpu, .pid = pid, .fd = fd, .held = true, .worked = c->look.number
		};
	return client;
}

/* Whether what was read can be the same client going on: no engine stands much lower. */
static bool goes_on(const struct client *client, const struct drm_fdinfo *info)
{
	for (u32 i = 0; i < info->engines; i++) {
		const struct drm_engine *now = &info->engine[i];
		u64 name = hash_text(now->name, sizeof(now->name), HASH_SEED);

		for (u32 e = 0; e < client->engines; e++) {
			u64 value = now->has_ns ? now->busy_ns : now->cycles;

			if (client->engine[e].name == name && value < client->engine[e].busy / 2)
				return false;
		}
	}
	return true;
}

/* What a client that is known did since it was read last. */
static void take_known(struct drm_clients *c, struct client *client)
{
	struct drm_gpu *gpu = &c->gpus[client->gpu];
	u64 work = take_engines(client, &c->info, gpu->elapsed_ns);

	if (work)
		client->worked = c->look.number;
	drm_gpu_use(gpu, client->pid, work, c->sample);
}

/* A client that was not known: what it did since the last look, as far as that is sure. */
static void take_new(struct drm_clients *c, struct client *client, bool is_born)
{
	struct drm_gpu *gpu = &c->gpus[client->gpu];
	u64 work = take_engines(client, &c->info, gpu->elapsed_ns);

	/* One that found no room before is not new. */
	if (is_born && !drm_clients_crowded(c))
		drm_gpu_use(gpu, client->pid, u64_min(work, gpu->elapsed_ns), c->sample);
}

/*
 * What descriptor @fd of @pid is, by c->info: a new client, one that lost its holder, or one that
 * is known. @is_born: a new one was not there at the last look.
 */
static void take_descriptor(struct drm_clients *c, u32 pid, u32 fd, bool is_born)
{
	u32 gpu = gpu_of_address(c, c->info.address);
	struct client *client;

	if (gpu == NO_GPU || !c->gpus[gpu].open)
		return;
	client = find_client(c, gpu, c->info.client);
	if (client && client->held)
		return;
	if (client && goes_on(client, &c->info)) {
		client->held = true;
		client->pid = pid;
		client->fd = fd;
		take_known(c, client);
		return;
	}
	if (client)
		drop(c, (u32)(client - c->client));
	client = add_client(c, gpu, pid, fd);
	if (!client)
		return;
	client->id = c->info.client;
	take_new(c, client, is_born);
}

static void lose(struct drm_clients *c, struct client *client)
{
	client->held = false;
	client->lost = c->look.number;
}

/* Reads a client whose GPU is open. Returns false when it is to be dropped. */
static bool read_client(struct drm_clients *c, struct client *client)
{
	u32 pid = client->pid, fd = client->fd;
	int r = read_info(c, pid, fd);
	bool same = r == 0 && gpu_of_address(c, c->info.address) == client->gpu;

	if (client->pending) {
		if (!same || find_client(c, client->gpu, c->info.client))
			return false;
		client->pending = false;
		client->id = c->info.client;
		take_new(c, client, client->born);
		return true;
	}
	if (same && c->info.client == client->id && !goes_on(client, &c->info)) {
		client->engines = 0;
		take_new(c, client, true);
		return true;
	}
	if (same && c->info.client == client->id) {
		take_known(c, client);
		return true;
	}
	lose(c, client);
	/* Another file by the same number. */
	if (r == 0)
		take_descriptor(c, pid, fd, true);
	return true;
}

static void read_clients(struct drm_clients *c, const struct slow_stop *stop)
{
	u32 known = c->count;

	/* From the end: one that is dropped is replaced by one that was read or is new. */
	for (u32 i = known; i-- > 0;) {
		struct client *client = &c->client[i];

		if (i % 64 == 63 && slow_stopping(stop))
			return;
		if (client->held && c->gpus[client->gpu].open && !read_client(c, client))
			drop(c, i);
	}
}

/* A descriptor that leads to a node of @gpu. */
static void found_node(struct drm_clients *c, u32 pid, u32 fd, u32 gpu)
{
	struct client *client;

	if (gpu == NO_GPU || is_holder(c, pid, fd))
		return;
	if (c->gpus[gpu].open) {
		if (read_info(c, pid, fd) == 0)
			take_descriptor(c, pid, fd, c->look.ended > 0);
		return;
	}
	client = add_client(c, gpu, pid, fd);
	if (!client)
		return;
	client->pending = true;
	client->born = c->look.ended > 0;
}

/* Looks at the descriptors of one process; returns how many. */
static u32 look_into(struct drm_clients *c, u32 pid)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[32], target[64];
	u32 links = 0;

	snprintf(path, sizeof(path), "%u/fd", pid);
	dir = sysroot_opendir(c->proc_fd, path);
	if (!dir) {
		c->look.denied += errno == EACCES || errno == EPERM;
		return 0;
	}
	/* That of a kernel thread is empty, and so it costs no more than to find out what it is. */
	while (links < FDS_MAX && (entry = readdir(dir))) {
		bool is_render;
		u32 number;
		u64 fd;
		ssize_t len;

		if (entry->d_name[0] == '.' || sysroot_parse_u64(entry->d_name, &fd) < 0)
			continue;
		links++;
		len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (len < 0 && (errno == EACCES || errno == EPERM)) {
			c->look.denied++;
			break;
		}
		target[len < 0 ? 0 : len] = '\0';
		if (drm_node_parse(target, &is_render, &number))
			found_node(c, pid, (u32)fd, gpu_of_node(c, is_render, number));
	}
	return links;
}

static void list_processes(struct drm_clients *c)
{
	_cleanup_closedir_ DIR *dir = sysroot_opendir(c->proc_fd, ".");
	const struct dirent *entry;

	c->look.count = 0;
	while (dir && c->look.count < PIDS_MAX && (entry = readdir(dir))) {
		u64 pid;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
		    sysroot_parse_u64(entry->d_name, &pid) < 0 || pid > UINT32_MAX)
			continue;
		if (grow(&c->pids, &c->pids_capacity, c->look.count + 1, sizeof(*c->pids)) < 0)
			return;
		c->pids[c->look.count++] = (u32)pid;
	}
}

static void begin_look(struct drm_clients *c, u64 now_ns)
{
	c->look.running = true;
	c->look.number++;
	c->look.next_ns = now_ns + DRM_LOOK_NS;
	c->look.at = 0;
	c->look.denied = 0;
	list_processes(c);
}

/* Nobody has them open: what was lost before this look began would have been found in it. */
static void end_look(struct drm_clients *c)
{
	c->look.running = false;
	c->look.ended++;
	c->denied = c->look.denied;
	for (u32 i = c->count; i-- > 0;) {
		if (!c->client[i].held && c->client[i].lost < c->look.number)
			drop(c, i);
	}
}

static void go_on_looking(struct drm_clients *c, const struct meter_poll *when)
{
	u32 links = 0;

	if (!c->look.running) {
		if (when->now_ns < c->look.next_ns)
			return;
		begin_look(c, when->now_ns);
	}
	while (c->look.at < c->look.count && links < LINKS_PER_POLL) {
		if (c->look.at % 64 == 63 && slow_stopping(when->stop))
			return;
		/* A process without a descriptor costs something too. */
		links += 1 + look_into(c, c->pids[c->look.at++]);
	}
	if (c->look.at == c->look.count)
		end_look(c);
}

void drm_clients_poll(struct drm_clients *c, struct drm_gpu *gpus, u32 count,
		      const struct meter_poll *when, struct meter_sample *sample)
{
	c->gpus = gpus;
	c->gpu_count = count;
	c->sample = sample;
	read_clients(c, when->stop);
	go_on_looking(c, when);
}
