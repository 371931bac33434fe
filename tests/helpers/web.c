/* A web server for tests; see web.h. */
#include "helpers/web.h"

#include "helpers/helpers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_ROUTES = 16, LONGEST_REQUEST = 4096 };

struct test_web {
    int listener, port;
    pthread_t thread;
    atomic_bool stop;
    atomic_int requests;
    atomic_long last_begin;
    test_route routes[MOST_ROUTES];
    int count;
};

static void send_all(int fd, const void *bytes, size_t count)
{
    for (size_t at = 0; at < count;) {
        const ssize_t sent = send(fd, (const char *)bytes + at, count - at, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the client has gone */
        at += (size_t)sent;
    }
}

static void send_head(int fd, int status, const char *more)
{
    char head[512];
    const int length =
        snprintf(head, sizeof head, "HTTP/1.1 %d x\r\nConnection: close\r\n%s\r\n", status, more);
    send_all(fd, head, (size_t)length);
}

/* Until the client goes, or the server stops. */
static void stall(test_web *web, int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char byte;
    while (!atomic_load(&web->stop))
        if (poll(&wait, 1, 20) > 0 && recv(fd, &byte, 1, 0) <= 0)
            return;
}

static void send_body(test_web *web, int fd, test_route *route, size_t begin)
{
    char more[256] = "";
    const bool part = begin > 0 && !route->no_ranges;
    const size_t from = part ? begin : 0, left = route->size - from;
    size_t count = left;
    int at = 0;
    if (!route->no_length)
        at += snprintf(more, sizeof more, "Content-Length: %zu\r\n", left);
    if (part)
        snprintf(more + at, sizeof more - (size_t)at, "Content-Range: bytes %zu-%zu/%zu\r\n", from,
                 route->size - 1, route->size);
    send_head(fd, part ? 206 : 200, more);
    if (route->cut_after && route->cuts > 0 && count > route->cut_after) {
        count = route->cut_after;
        route->cuts--;
    }
    if (route->stalls)
        count = from == 0 ? count / 2 : 0;
    send_all(fd, (const char *)route->body + from, count);
    if (route->stalls)
        stall(web, fd);
}

static void answer(test_web *web, int fd, const char *request)
{
    char path[256] = "", more[512];
    long begin = 0;
    const char *range = strstr(request, "Range: bytes=");
    if (range)
        begin = strtol(range + 13, NULL, 10);
    sscanf(request, "GET %255[^ ?]", path);
    atomic_fetch_add(&web->requests, 1);
    atomic_store(&web->last_begin, begin);
    for (int i = 0; i < web->count; i++) {
        test_route *route = &web->routes[i];
        if (strcmp(route->path, path) != 0)
            continue;
        if (route->failures > 0) {
            route->failures--;
            send_head(fd, 503, "Content-Length: 0\r\n");
        } else if (route->location) {
            snprintf(more, sizeof more, "Location: %s\r\nContent-Length: 0\r\n", route->location);
            send_head(fd, route->status ? route->status : 302, more);
        } else if (route->status) {
            send_head(fd, route->status, "Content-Length: 0\r\n");
        } else if (!route->no_ranges && begin > 0 && (size_t)begin >= route->size) {
            send_head(fd, 416, "Content-Length: 0\r\n");
        } else {
            send_body(web, fd, route, (size_t)begin);
        }
        return;
    }
    send_head(fd, 404, "Content-Length: 0\r\n");
}

static void serve(test_web *web, int fd)
{
    char request[LONGEST_REQUEST];
    size_t count = 0;
    while (count + 1 < sizeof request) {
        const ssize_t got = recv(fd, request + count, sizeof request - 1 - count, 0);
        if (got <= 0)
            return;
        count += (size_t)got;
        request[count] = '\0';
        if (strstr(request, "\r\n\r\n")) {
            answer(web, fd, request);
            return;
        }
    }
}

static void *run(void *user)
{
    test_web *web = user;
    struct pollfd wait = {.fd = web->listener, .events = POLLIN};
    while (!atomic_load(&web->stop)) {
        if (poll(&wait, 1, 20) <= 0)
            continue;
        const int fd = accept(web->listener, NULL, NULL);
        if (fd < 0)
            continue;
        serve(web, fd);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

test_web *test_web_open(const test_route *routes)
{
    test_web *web = calloc(1, sizeof *web);
    assert_non_null(web);
    for (; routes[web->count].path; web->count++) {
        assert_true(web->count < MOST_ROUTES);
        web->routes[web->count] = routes[web->count];
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    web->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(web->listener >= 0);
    assert_int_equal(bind(web->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(web->listener, 8), 0);
    assert_int_equal(getsockname(web->listener, (struct sockaddr *)&address, &size), 0);
    web->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&web->thread, NULL, run, web), 0);
    return web;
}

void test_web_close(test_web *web)
{
    atomic_store(&web->stop, true);
    pthread_join(web->thread, NULL);
    close(web->listener);
    free(web);
}

const char *test_web_url(const test_web *web, const char *path)
{
    static char ring[8][256];
    static int at;
    char *url = ring[at++ % 8];
    snprintf(url, sizeof ring[0], "http://127.0.0.1:%d%s", web->port, path);
    return url;
}

int test_web_requests(test_web *web)
{
    return atomic_load(&web->requests);
}

long test_web_last_begin(test_web *web)
{
    return atomic_load(&web->last_begin);
}
