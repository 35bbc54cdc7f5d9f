/* Bytes that grow, and what mail is made of: base64, hexadecimal digits, files that are whole or not there. */
#ifndef BULLA_MAIL_TEXT_H
#define BULLA_MAIL_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* `failed` is set when memory ran out; adding then does nothing. So a text is built without asking, and asked once at its end.
 * `data` is closed with a NUL that `length` does not count, once anything was added. */
struct text { char *data; size_t length, capacity; int failed; };

void text_add(struct text *text, const void *bytes, size_t length);
void text_puts(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_clear(struct text *text); /* wipes */
void text_free(struct text *text);  /* wipes */

/* The order of strings in an array, for qsort() and bsearch(). */
int strings_order(const void *one, const void *other);

/* Lines of 76 characters, each ended with `end`. */
void base64_write(struct text *out, const uint8_t *bytes, size_t length, const char *end);
/* Reads what is left after spaces, tabs and line ends, until a line that begins with "--" or the end. 0, or -1. */
int base64_read(struct text *out, const char *from, size_t length);

void hex_write(struct text *out, const uint8_t *bytes, size_t length);
/* Exactly `length` bytes out of twice as many digits. 0, or -1. */
int hex_read(uint8_t *bytes, size_t length, const char *digits);

/* All of a file, or of a descriptor. 0, or -1 and errno; EFBIG if it is longer than `most`. */
int file_read(const char *path, struct text *out, size_t most);
int descriptor_read(int descriptor, struct text *out, size_t most);
/* Writes a file that is whole and on the disk under its name when this returns 0; else -1 and errno. */
int file_write(const char *path, const void *bytes, size_t length);
/* Makes a folder for its owner alone, if it is not there. */
int folder_make(const char *path);

#endif
