#include "header.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *copy_of(const char *bytes, size_t length)
{
    char *copy = malloc(length + 1);

    if (copy != NULL) {
        memcpy(copy, bytes, length);
        copy[length] = 0;
    }
    return copy;
}

void header_add(struct header *header, const char *name, size_t name_length, const char *value, size_t value_length)
{
    struct field *fields = header->fields;

    if (header->failed || header->excess)
        return;
    if (header->count == MOST_FIELDS || name_length > MOST_HEADER - header->bytes ||
        value_length > MOST_HEADER - header->bytes - name_length) {
        header->excess = 1;
        return;
    }
    if (header->count == header->room) {
        size_t room = header->room == 0 ? 32 : 2 * header->room;

        if ((fields = realloc(header->fields, room * sizeof *fields)) == NULL) {
            header->failed = 1;
            return;
        }
        header->fields = fields;
        header->room = room;
    }
    header->bytes += name_length + value_length;
    fields[header->count].name = copy_of(name, name_length);
    fields[header->count].value = copy_of(value, value_length);
    if (fields[header->count].name != NULL && fields[header->count].value != NULL) {
        header->count++;
        return;
    }
    free(fields[header->count].name);
    free(fields[header->count].value);
    header->failed = 1;
}

void header_free(struct header *header)
{
    for (size_t i = 0; i < header->count; i++) {
        volatile char *c = header->fields[i].value;

        while (c != NULL && *c != 0)
            *c++ = 0;
        free(header->fields[i].name);
        free(header->fields[i].value);
    }
    free(header->fields);
    memset(header, 0, sizeof *header);
}

/* Where the line that begins here ends, its LF not counted. */
static size_t line_end(const char *message, size_t at, size_t length)
{
    const char *end = memchr(message + at, '\n', length - at);

    return end == NULL ? length : (size_t)(end - message);
}

/* The end of a field: that of its last continuation. */
static size_t field_end(const char *message, size_t at, size_t length)
{
    size_t end = line_end(message, at, length);

    while (end + 1 < length && (message[end + 1] == ' ' || message[end + 1] == '\t'))
        end = line_end(message, end + 1, length);
    return end;
}

/* The value with LF where it is folded. */
static void value_add(struct header *header, const char *field, size_t colon, size_t length)
{
    struct text value = {0};

    text_add(&value, "", 0);
    for (size_t i = colon + 1; i < length; i++)
        if (field[i] != '\r' || i + 1 < length)
            if (field[i] != '\r' || field[i + 1] != '\n')
                text_add(&value, field + i, 1);
    header_add(header, field, colon, value.data == NULL ? "" : value.data, value.length);
    header->failed |= value.failed;
    text_free(&value);
}

/* Reads fields. Gives where the body begins; `bad`: with a line that is neither a field nor its continuation. */
static long fields_read(struct header *header, const char *message, size_t length, int *bad)
{
    size_t at = 0;

    *bad = 0;
    while (at < length && !header->failed && !header->excess) {
        size_t end, colon = 0;

        if (message[at] == '\n')
            return (long)at + 1;
        if (message[at] == '\r' && at + 1 < length && message[at + 1] == '\n')
            return (long)at + 2;
        end = field_end(message, at, length);
        while (at + colon < end && message[at + colon] != ':' && (unsigned char)message[at + colon] > ' ')
            colon++;
        if (colon == 0 || at + colon >= end || message[at + colon] != ':' || memchr(message + at, 0, end - at) != NULL)
            return *bad = 1, (long)at;
        value_add(header, message + at, colon, end - at);
        at = end + 1;
    }
    return header->failed || header->excess ? -1 : (long)length;
}

long header_parse(struct header *header, const char *message, size_t length)
{
    int bad;
    long body = fields_read(header, message, length, &bad);

    return bad ? -1 : body;
}

long header_read(struct header *header, const char *message, size_t length)
{
    int bad;

    return fields_read(header, message, length, &bad);
}

char *header_value(const struct header *header, const char *name)
{
    for (size_t i = 0; i < header->count; i++) {
        const char *value = header->fields[i].value;
        size_t length;

        if (strcasecmp(header->fields[i].name, name) != 0)
            continue;
        while (isspace((unsigned char)*value))
            value++;
        length = strlen(value);
        while (length > 0 && isspace((unsigned char)value[length - 1]))
            length--;
        return copy_of(value, length);
    }
    return NULL;
}

size_t header_count(const struct header *header, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < header->count; i++)
        count += strcasecmp(header->fields[i].name, name) == 0;
    return count;
}

void header_write(const struct header *header, struct text *out, const char *end)
{
    for (size_t i = 0; i < header->count; i++) {
        text_puts(out, header->fields[i].name);
        text_puts(out, ":");
        for (const char *c = header->fields[i].value; *c != 0; c++) {
            if (*c == '\n')
                text_puts(out, end);
            else
                text_add(out, c, 1);
        }
        text_puts(out, end);
    }
    out->failed |= header->failed;
}

/* 1, 0, or -1 for want of memory. */
static int same_text(const char *one, const char *other, int addresses)
{
    struct text first = {0}, second = {0};
    int same;

    if (addresses) {
        addresses_write(&first, one);
        addresses_write(&second, other);
    } else {
        /* White space is where relays fold. */
        for (; *one != 0; one++)
            if (!isspace((unsigned char)*one))
                text_add(&first, one, 1);
        for (; *other != 0; other++)
            if (!isspace((unsigned char)*other))
                text_add(&second, other, 1);
    }
    same = first.failed || second.failed ? -1
                                         : first.length == second.length && (first.length == 0 || strcasecmp(first.data, second.data) == 0);
    text_free(&first);
    text_free(&second);
    return same;
}

void headers_differ(struct text *out, const struct header *outer, const struct header *inner)
{
    static const struct { const char *name; int addresses; } compared[] = {{"From", 1}, {"To", 1}, {"Date", 0}, {"Message-ID", 0}};

    text_add(out, "", 0);
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++) {
        size_t times = header_count(outer, compared[i].name);
        char *outside = header_value(outer, compared[i].name), *inside = header_value(inner, compared[i].name);
        int same = inside == NULL || (outside != NULL && times == 1 ? same_text(outside, inside, compared[i].addresses) : 0);

        /* Want of memory is no difference. */
        out->failed |= same < 0 || (inside == NULL && header_count(inner, compared[i].name) > 0) || (outside == NULL && times > 0);
        if (!same)
            text_format(out, "%s%s", out->length > 0 ? " " : "", compared[i].name);
        free(outside);
        free(inside);
    }
}
