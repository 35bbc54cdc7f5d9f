/* What the programs of this folder have in common: what they say, their options, keys. */
#ifndef FILES_HOST_H
#define FILES_HOST_H

#include <bulla.h>

/* Exit statuses, the same as those of the command line. */
enum { EXIT_DONE = 0, EXIT_USAGE = 1, EXIT_BAD = 2, EXIT_REFUSED = 3, EXIT_AWAITED = 4 };

/* Lines on standard error begin with this name. */
void host_name(const char *name);
/* Control characters (C0 and C1), which a stranger may have chosen, and what is no UTF-8 become '?'. */
void harmless(char *line);
/* Writes one line, made harmless. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes one line to standard output, made harmless, at once. */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says what failed, if it did. */
bulla_status told(bulla_status status, const bulla_error *error, const char *what);
int exit_of(bulla_status status);

/* "90", "90s", "15m", "12h", "3d"; 0 if it is none. */
int read_duration(const char *text, uint64_t *seconds);
/* "500", "500k", "500M", "2G"; 0 if it is none. */
int read_size(const char *text, uint64_t *bytes);

/* Reads a key file; the passphrase is the first line of a file, or NULL. */
bulla_status host_identity(const char *file, const char *passphrase_file, bulla_identity **identity, bulla_error *error);
/* Gives each identity of an identity line, or of a file of such lines, to a function. */
bulla_status host_identities(const char *argument, bulla_status (*take)(void *context, const bulla_public *one, bulla_error *error),
                             void *context, bulla_error *error);

/* Says so if a database cannot be used because there is no room beside it; what the library says names no reason. */
void say_if_full(const char *database);

/* 64 hexadecimal digits and a NUL: the name of an envelope, by which it and its receipt go in the folder. */
enum { NAME_LENGTH = 65 };
void name_of(const bulla_digest *header, char name[NAME_LENGTH]);

/* Writes all of it, however often that takes; 0 if it fails, and errno says why. */
int write_all(int file, const unsigned char *data, size_t length);

#endif
