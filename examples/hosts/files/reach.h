/* Which servers could not be reached a moment ago: else each of many files would wait for them. */
#ifndef FILES_REACH_H
#define FILES_REACH_H

struct reach { struct { char server[256]; double until; } lost[8]; };

/* Seconds of a clock that nobody sets. */
double clock_now(void);
/* For so many seconds the server of this URL is not to be tried. */
void reach_lost(struct reach *reach, const char *url, double seconds);
int reach_is_lost(const struct reach *reach, const char *url);

#endif
