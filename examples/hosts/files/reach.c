#define _POSIX_C_SOURCE 200809L
#include "reach.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PLACES = sizeof((struct reach *)0)->lost / sizeof((struct reach *)0)->lost[0] };

double clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The URL up to the path. */
static void server_of(const char *url, char server[256])
{
    const char *host = strstr(url, "://");
    size_t length = host != NULL ? (size_t)(host - url) + 3 + strcspn(host + 3, "/") : strlen(url);

    snprintf(server, 256, "%.*s", (int)length, url);
}

void reach_lost(struct reach *reach, const char *url, double seconds)
{
    char server[256];
    size_t place = 0;

    server_of(url, server);
    /* Its own place, or else that which is free first. */
    for (size_t at = 0; at < PLACES; at++)
        if (reach->lost[at].until < reach->lost[place].until)
            place = at;
    for (size_t at = 0; at < PLACES; at++)
        if (strcmp(reach->lost[at].server, server) == 0)
            place = at;
    strcpy(reach->lost[place].server, server);
    reach->lost[place].until = clock_now() + seconds;
}

int reach_is_lost(const struct reach *reach, const char *url)
{
    char server[256];

    server_of(url, server);
    for (size_t at = 0; at < PLACES; at++)
        if (strcmp(reach->lost[at].server, server) == 0)
            return reach->lost[at].until > clock_now();
    return 0;
}
