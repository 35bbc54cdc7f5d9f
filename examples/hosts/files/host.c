#define _XOPEN_SOURCE 700
#include "host.h"

#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *program = "bulla";

void host_name(const char *name)
{
    program = name;
}

/* The length of a character of UTF-8 that is no control character; 0 if it is none. */
static size_t character(const unsigned char *at)
{
    size_t length = *at < 0x80 ? 1 : *at >= 0xc2 && *at < 0xe0 ? 2 : *at >= 0xe0 && *at < 0xf0 ? 3 : *at >= 0xf0 && *at < 0xf5 ? 4 : 0;

    if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
        return 0;
    for (size_t next = 1; next < length; next++)
        if ((at[next] & 0xc0) != 0x80)
            return 0;
    return length;
}

void harmless(char *line)
{
    while (*line != '\0') {
        size_t length = character((const unsigned char *)line);

        if (length == 0)
            *line = '?';
        line += length > 0 ? length : 1;
    }
}

void say(const char *format, ...)
{
    char line[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    harmless(line);
    fprintf(stderr, "%s: %s\n", program, line);
}

void tell(const char *format, ...)
{
    char line[8192];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    harmless(line);
    puts(line);
    fflush(stdout);
}

bulla_status told(bulla_status status, const bulla_error *error, const char *what)
{
    if (status != BULLA_OK)
        say("%s: %s", what, error->text[0] != '\0' ? error->text : bulla_status_text(status));
    return status;
}

int exit_of(bulla_status status)
{
    switch (bulla_status_class(status)) {
    case BULLA_CLASS_DONE: return EXIT_DONE;
    case BULLA_CLASS_NOT_ACCEPTABLE: return EXIT_BAD;
    case BULLA_CLASS_REFUSED: return EXIT_REFUSED;
    case BULLA_CLASS_TRY_AGAIN:
    case BULLA_CLASS_ANSWER: return EXIT_AWAITED;
    default: return EXIT_USAGE;
    }
}

static int number_and_unit(const char *text, uint64_t *number, char *unit)
{
    char *end = NULL;

    if (!isdigit((unsigned char)text[0]))
        return 0;
    errno = 0;
    *number = strtoull(text, &end, 10);
    *unit = end[0];
    return errno == 0 && (end[0] == '\0' || end[1] == '\0');
}

static int times(uint64_t *number, uint64_t factor)
{
    if (*number > UINT64_MAX / factor)
        return 0;
    *number *= factor;
    return 1;
}

int read_duration(const char *text, uint64_t *seconds)
{
    char unit;

    if (!number_and_unit(text, seconds, &unit))
        return 0;
    switch (unit) {
    case '\0':
    case 's': return 1;
    case 'm': return times(seconds, 60);
    case 'h': return times(seconds, 3600);
    case 'd': return times(seconds, 86400);
    default: return 0;
    }
}

int read_size(const char *text, uint64_t *bytes)
{
    char unit;

    if (!number_and_unit(text, bytes, &unit))
        return 0;
    switch (unit) {
    case '\0': return 1;
    case 'k': return times(bytes, 1 << 10);
    case 'M': return times(bytes, 1 << 20);
    case 'G': return times(bytes, 1 << 30);
    default: return 0;
    }
}

static void failure(bulla_error *error, bulla_status code, const char *file, const char *why)
{
    memset(error, 0, sizeof *error);
    error->code = code;
    snprintf(error->text, sizeof error->text, "%.200s: %.200s", file, why);
}

/* Reads a line, without its end. 1; 0 at the end of the file; -1 if it is too long or cannot be read. */
static int read_line(FILE *file, char *line, size_t size)
{
    if (fgets(line, (int)size, file) == NULL)
        return ferror(file) ? -1 : 0;
    size_t length = strcspn(line, "\r\n");
    if (line[length] == '\0' && !feof(file))
        return -1;
    line[length] = '\0';
    return 1;
}

static void wipe(volatile char *memory, size_t size)
{
    while (size > 0)
        memory[--size] = '\0';
}

bulla_status host_identity(const char *file, const char *passphrase_file, bulla_identity **identity, bulla_error *error)
{
    char passphrase[1024];
    bulla_status status = BULLA_IO;

    if (passphrase_file == NULL)
        return bulla_identity_load(file, NULL, identity, error);
    FILE *from = fopen(passphrase_file, "r");
    if (from != NULL) {
        setvbuf(from, NULL, _IONBF, 0); /* so that no copy of it stays in a buffer */
        if (read_line(from, passphrase, sizeof passphrase) == 1)
            status = bulla_identity_load(file, passphrase, identity, error);
        else
            failure(error, status, passphrase_file, "there is no passphrase in its first line");
        fclose(from);
    } else {
        failure(error, status, passphrase_file, strerror(errno));
    }
    wipe(passphrase, sizeof passphrase);
    return status;
}

static bulla_status take_line(const char *line, bulla_status (*take)(void *, const bulla_public *, bulla_error *), void *context,
                              bulla_error *error)
{
    bulla_public *one = NULL;
    bulla_status status = bulla_public_parse(line, &one, error);

    if (status == BULLA_OK)
        status = take(context, one, error);
    bulla_public_free(one);
    return status;
}

bulla_status host_identities(const char *argument, bulla_status (*take)(void *, const bulla_public *, bulla_error *), void *context,
                             bulla_error *error)
{
    char line[4096];
    int got;
    int found = 0;
    bulla_status status = BULLA_OK;

    if (strncmp(argument, "bulla1", 6) == 0)
        return take_line(argument, take, context, error);
    FILE *file = fopen(argument, "r");
    if (file == NULL) {
        failure(error, BULLA_IO, argument, strerror(errno));
        return BULLA_IO;
    }
    while (status == BULLA_OK && (got = read_line(file, line, sizeof line)) != 0) {
        size_t length = got == 1 ? strlen(line) : 0;

        while (length > 0 && isspace((unsigned char)line[length - 1]))
            line[--length] = '\0';
        if (got < 0) {
            failure(error, status = BULLA_MALFORMED, argument, "a line is too long for an identity, or could not be read");
        } else if (length > 0 && line[0] != '#') {
            status = take_line(line, take, context, error);
            found = 1;
        }
    }
    fclose(file);
    if (status == BULLA_OK && !found)
        failure(error, status = BULLA_MALFORMED, argument, "there is no identity line in it");
    return status;
}

void say_if_full(const char *database)
{
    enum { ENOUGH = 1 << 17 }; /* for what stands beside it while it is used */
    char path[PATH_MAX];
    struct statvfs disk;

    if ((size_t)snprintf(path, sizeof path, "%s", database) < sizeof path && statvfs(dirname(path), &disk) == 0 &&
        (uint64_t)disk.f_bavail * disk.f_frsize < ENOUGH)
        say("%s: there is no room on its disk", database);
}

void name_of(const bulla_digest *header, char name[NAME_LENGTH])
{
    for (size_t at = 0; at < sizeof header->bytes; at++)
        snprintf(name + 2 * at, 3, "%02x", header->bytes[at]);
}

int write_all(int file, const unsigned char *data, size_t length)
{
    while (length > 0) {
        ssize_t done = write(file, data, length);

        if (done < 0 && errno != EINTR)
            return 0;
        if (done > 0) {
            data += done;
            length -= (size_t)done;
        }
    }
    return 1;
}
