// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/parse.h"
#include "serve/address.h"
#include "serve/http.h"

/* What the configuration takes for an address is one, and nothing else is. */
static bool config_takes(const char *text)
{
	const char *why = NULL;
	char field[512];

	return config_parse_listen(text, field, sizeof(field), &why) == 0;
}

static void expect(const char *text, int family, const char *host, u16 port)
{
	struct listen_address address;
	char out[INET6_ADDRSTRLEN];
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address.addr;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address.addr;
	const void *ip;

	assert_int_equal(listen_address_parse(text, &address), 0);
	assert_true(config_takes(text));
	ip = family == AF_INET6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr;
	assert_int_equal(address.addr.ss_family, family);
	assert_non_null(inet_ntop(family, ip, out, sizeof(out)));
	assert_string_equal(out, host);
	assert_int_equal(ntohs(family == AF_INET6 ? v6->sin6_port : v4->sin_port), port);
}

static void test_good_addresses(void **state)
{
	expect("127.0.0.1:28282", AF_INET, "127.0.0.1", 28282);
	expect("localhost:0", AF_INET, "127.0.0.1", 0);
	expect("0.0.0.0:80", AF_INET, "0.0.0.0", 80);
	expect("[::1]:65535", AF_INET6, "::1", 65535);
	expect("[fe80::1:2]:9", AF_INET6, "fe80::1:2", 9);
	expect(":28282", AF_INET6, "::", 28282);
}

static void test_bad_addresses(void **state)
{
	static const char *const bad[] = { "",
					   "28282",
					   "127.0.0.1",
					   "127.0.0.1:",
					   ":x",
					   ":65536",
					   ":-1",
					   "::1:80",
					   "[::1]",
					   "[::1:80",
					   "[]:80",
					   "256.0.0.1:80",
					   "host:80",
					   "[1.2.3.4]:80",
					   "127.0.0.1:80x",
					   "a.example:80",
					   "[fe80::1%lo]:80",
					   "Localhost:80" };
	struct listen_address address = { .len = 77 };
	char host[400];

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(listen_address_parse(bad[i], &address), -EINVAL);
		assert_false(config_takes(bad[i]));
	}
	memset(host, '1', sizeof(host));
	strcpy(host + sizeof(host) - 4, ":80");
	assert_int_equal(listen_address_parse(host, &address), -EINVAL);
	host[0] = '[';
	host[sizeof(host) - 5] = ']';
	assert_int_equal(listen_address_parse(host, &address), -EINVAL);
	assert_int_equal(address.len, 77);
}

/* A second server on the same port gets an error that names address and reason. */
static void test_a_port_in_use_is_told(void **state)
{
	struct listen_address any;
	struct http_options options = { 0 };
	struct http_server *server = NULL;
	char address[64], error[512] = "";
	int fd;

	assert_int_equal(listen_address_parse("127.0.0.1:0", &any), 0);
	fd = listen_address_open(&any);
	assert_true(fd >= 0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", listen_socket_port(fd));
	options.address = address;
	assert_int_equal(http_server_new(&server, &options, error, sizeof(error)), -EADDRINUSE);
	assert_non_null(strstr(error, address));
	assert_non_null(strstr(error, "in use"));
	close(fd);
	assert_int_equal(http_server_new(&server, &options, error, sizeof(error)), 0);
	http_server_free(server);
	options.address = "nonsense";
	assert_int_equal(http_server_new(&server, &options, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "127.0.0.1:28282"));
}

static u32 wrong_closes;

/* Every close() of the program; the shared libraries have their own. */
int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_close(int fd)
{
	int r = __real_close(fd);

	wrong_closes += r < 0 && errno == EBADF;
	return r;
}

/* Starts and ends a server with room for @room more files; 0: it started, 1: it failed, as it
 * should. */
static int start_with_room(int room)
{
	struct http_options options = { .address = "127.0.0.1:0", .connections_max = 1 };
	struct http_server *server = NULL;
	char error[512] = "";
	int first = dup(STDIN_FILENO), after;
	struct rlimit tight = { (rlim_t)(first + room), (rlim_t)(first + room) };
	int r;

	close(first);
	if (setrlimit(RLIMIT_NOFILE, &tight) < 0)
		return 2;
	r = http_server_new(&server, &options, error, sizeof(error));
	http_server_free(server);
	after = dup(STDIN_FILENO);
	if (wrong_closes || (room > 0 && after != first) || (r < 0) != (error[0] != '\0'))
		return 3;
	return r < 0;
}

/* Where the library fails half-way nothing is closed twice or left open. */
static void test_a_failed_start_closes_once(void **state)
{
	u32 failed = 0, started = 0;

	for (int room = 0; room < 12; room++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0)
			_exit(start_with_room(room));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
		failed += WEXITSTATUS(status) == 1;
		started += WEXITSTATUS(status) == 0;
	}
	assert_true(failed >= 4 && started >= 1);
}

/* The address is the only one: not reachable through another of the loopback net. */
static void test_it_listens_only_where_it_was_told(void **state)
{
	struct listen_address address;
	struct sockaddr_in other = { .sin_family = AF_INET };
	int fd, client = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(listen_address_parse("127.0.0.1:0", &address), 0);
	fd = listen_address_open(&address);
	assert_true(fd >= 0 && client >= 0);
	other.sin_port = htons(listen_socket_port(fd));
	other.sin_addr.s_addr = htonl(0x7F000002);
	assert_int_equal(connect(client, (struct sockaddr *)&other, sizeof(other)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	other.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(client, (struct sockaddr *)&other, sizeof(other)), 0);
	close(client);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_addresses),
		cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test(test_a_port_in_use_is_told),
		cmocka_unit_test(test_a_failed_start_closes_once),
		cmocka_unit_test(test_it_listens_only_where_it_was_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
