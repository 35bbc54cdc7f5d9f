#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

static const char *name = "bulla";
static int use_syslog;

void log_begin(const char *program, int to_syslog)
{
    name = program;
    use_syslog = to_syslog;
    if (to_syslog)
        openlog(program, LOG_PID, LOG_MAIL);
}

static void log_line(int priority, const char *format, va_list values)
{
    char line[1200];

    vsnprintf(line, sizeof line, format, values);
    /* Addresses and subjects come from strangers: no line may begin where they want it to. */
    for (char *c = line; *c != 0; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    if (use_syslog)
        syslog(priority, "%s", line);
    else
        fprintf(stderr, "%s: %s\n", name, line);
}

void log_info(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    log_line(LOG_INFO, format, values);
    va_end(values);
}

void log_error(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    log_line(LOG_ERR, format, values);
    va_end(values);
}
