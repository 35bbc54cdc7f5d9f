#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void wipe(void *memory, size_t length)
{
    volatile unsigned char *byte = memory;

    while (length-- > 0)
        *byte++ = 0;
}

/* Room for so many more bytes and the NUL. What is moved is wiped where it was: it may be somebody's mail. */
static int text_room(struct text *text, size_t more)
{
    size_t capacity = text->capacity < 256 ? 256 : text->capacity;
    char *data;

    if (text->failed || more >= SIZE_MAX / 2 - text->length)
        return text->failed = 1, -1;
    while (capacity < text->length + more + 1)
        capacity *= 2;
    if (capacity == text->capacity)
        return 0;
    data = malloc(capacity);
    if (data == NULL)
        return text->failed = 1, -1;
    if (text->data != NULL) {
        memcpy(data, text->data, text->length);
        wipe(text->data, text->length);
        free(text->data);
    }
    text->data = data;
    text->capacity = capacity;
    return 0;
}

void text_add(struct text *text, const void *bytes, size_t length)
{
    if (text_room(text, length) != 0)
        return;
    if (length > 0)
        memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = 0;
}

void text_puts(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...)
{
    va_list values;
    int length;

    va_start(values, format);
    length = vsnprintf(NULL, 0, format, values);
    va_end(values);
    if (length < 0 || text_room(text, (size_t)length) != 0) {
        text->failed = 1;
        return;
    }
    va_start(values, format);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, values);
    va_end(values);
    text->length += (size_t)length;
}

void text_clear(struct text *text)
{
    if (text->data != NULL) {
        wipe(text->data, text->length);
        text->data[0] = 0;
    }
    text->length = 0;
    text->failed = 0;
}

void text_free(struct text *text)
{
    text_clear(text);
    free(text->data);
    memset(text, 0, sizeof *text);
}

int strings_order(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_write(struct text *out, const uint8_t *bytes, size_t length, const char *end)
{
    char line[80];
    size_t filled = 0;

    for (size_t i = 0; i < length; i += 3) {
        unsigned have = length - i < 3 ? (unsigned)(length - i) : 3;
        unsigned word = (unsigned)bytes[i] << 16 | (have > 1 ? (unsigned)bytes[i + 1] << 8 : 0) | (have > 2 ? bytes[i + 2] : 0);

        line[filled++] = ALPHABET[word >> 18];
        line[filled++] = ALPHABET[word >> 12 & 63];
        line[filled++] = have > 1 ? ALPHABET[word >> 6 & 63] : '=';
        line[filled++] = have > 2 ? ALPHABET[word & 63] : '=';
        if (filled == 76 || i + 3 >= length) {
            text_add(out, line, filled);
            text_puts(out, end);
            filled = 0;
        }
    }
}

static int base64_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

int base64_read(struct text *out, const char *from, size_t length)
{
    unsigned word = 0, bits = 0;
    int line_begins = 1, padded = 0;
    uint8_t piece[3072];
    size_t filled = 0;

    for (size_t i = 0; i < length; i++) {
        char c = from[i];

        if (line_begins && c == '-' && i + 1 < length && from[i + 1] == '-')
            break;
        line_begins = c == '\n';
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (c == '=') {
            padded = 1;
            continue;
        }
        /* Text after the padding is a footer that somebody put there: what came before is whole. */
        if (padded)
            break;
        if (base64_value(c) < 0)
            return -1;
        word = (word << 6 | (unsigned)base64_value(c)) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            piece[filled++] = (uint8_t)(word >> bits);
        }
        if (filled == sizeof piece) {
            text_add(out, piece, filled);
            filled = 0;
        }
    }
    text_add(out, piece, filled);
    return out->failed ? -1 : 0;
}

void hex_write(struct text *out, const uint8_t *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < length; i++) {
        char two[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};

        text_add(out, two, 2);
    }
}

int hex_read(uint8_t *bytes, size_t length, const char *digits)
{
    static const char known[] = "0123456789abcdef";

    for (size_t i = 0; i < 2 * length; i++) {
        const char *found = digits[i] == 0 ? NULL : strchr(known, digits[i]);

        if (found == NULL)
            return -1;
        bytes[i / 2] = (uint8_t)(i % 2 == 0 ? (found - known) << 4 : bytes[i / 2] | (found - known));
    }
    return 0;
}

int descriptor_read(int descriptor, struct text *out, size_t most)
{
    char piece[65536];
    ssize_t got;

    while ((got = read(descriptor, piece, sizeof piece)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if ((size_t)got > most - out->length)
            return errno = EFBIG, -1;
        text_add(out, piece, (size_t)got);
    }
    wipe(piece, sizeof piece);
    text_add(out, "", 0);
    return out->failed ? (errno = ENOMEM, -1) : 0;
}

int file_read(const char *path, struct text *out, size_t most)
{
    int file = open(path, O_RDONLY | O_CLOEXEC), result;

    if (file < 0)
        return -1;
    result = descriptor_read(file, out, most);
    close(file);
    return result;
}

static int write_all(int file, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t done = write(file, bytes, length);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        bytes += done;
        length -= (size_t)done;
    }
    return 0;
}

static int folder_sync(const char *path)
{
    struct text folder = {0};
    const char *slash = strrchr(path, '/');
    int descriptor, result = -1;

    text_add(&folder, slash == NULL ? "." : path, slash == NULL ? 1 : (size_t)(slash - path) + 1);
    if (!folder.failed && (descriptor = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
        result = fsync(descriptor);
        close(descriptor);
    }
    text_free(&folder);
    return result;
}

int file_write(const char *path, const void *bytes, size_t length)
{
    struct text temporary = {0};
    int file, result = -1;

    /* The number of the thread's stack is as good as any: two writers of one name never share a temporary name. */
    text_format(&temporary, "%s.%ld.%p.new", path, (long)getpid(), (void *)&temporary);
    if (temporary.failed)
        return errno = ENOMEM, -1;
    file = open(temporary.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file >= 0) {
        result = write_all(file, bytes, length) == 0 && fsync(file) == 0 ? 0 : -1;
        if (close(file) != 0 || result != 0 || rename(temporary.data, path) != 0 || folder_sync(path) != 0)
            result = -1;
        if (result != 0) {
            int why = errno;

            unlink(temporary.data);
            errno = why;
        }
    }
    text_free(&temporary);
    return result;
}

int folder_make(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}
