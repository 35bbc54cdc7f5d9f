#include "keys.h"

#include "log.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct entry { char *whom; bulla_public *identity; bulla_key key; };
struct keys { struct entry *entries; size_t count; };

static int by_name(const void *one, const void *other)
{
    return strcasecmp(((const struct entry *)one)->whom, ((const struct entry *)other)->whom);
}

/* An identity line, or the path of a file with one. */
static int identity_read(const char *path, int number, const char *given, struct entry *entry)
{
    struct text file = {0};
    const char *line = given;
    bulla_error error;
    bulla_status status = BULLA_INVALID_INPUT;

    if (*given == '/') {
        if (file_read(given, &file, 4096) != 0) {
            log_error("%s, line %d: %s cannot be read: %s", path, number, given, strerror(errno));
            text_free(&file);
            return -1;
        }
        file.data[strcspn(file.data, " \t\r\n")] = 0;
        line = file.data;
    }
    if ((status = bulla_public_parse(line, &entry->identity, &error)) == BULLA_OK)
        status = bulla_public_key(entry->identity, &entry->key, &error);
    text_free(&file);
    if (status != BULLA_OK)
        return log_error("%s, line %d: no identity: %s", path, number, error.text), -1;
    return 0;
}

static int line_read(struct keys *keys, const char *path, int number, char *line)
{
    char *rest, *whom = strtok_r(line, " \t\r", &rest), *given, *more;
    struct entry *entries;

    if (whom == NULL || *whom == '#')
        return 0;
    given = strtok_r(NULL, " \t\r", &rest);
    more = strtok_r(NULL, " \t\r", &rest);
    if (given == NULL || (more != NULL && *more != '#') || strchr(whom, '@') == NULL)
        return log_error("%s, line %d: not an address or @domain, and an identity, a file or \"clear\"", path, number), -1;
    entries = realloc(keys->entries, (keys->count + 1) * sizeof *entries);
    if (entries == NULL)
        return log_error("%s: no memory", path), -1;
    keys->entries = entries;
    memset(&entries[keys->count], 0, sizeof *entries);
    if ((entries[keys->count].whom = strdup(whom)) == NULL)
        return log_error("%s: no memory", path), -1;
    keys->count++;
    return strcmp(given, "clear") == 0 ? 0 : identity_read(path, number, given, &keys->entries[keys->count - 1]);
}

struct keys *keys_read(const char *path)
{
    struct keys *keys = calloc(1, sizeof *keys);
    struct text file = {0};
    int result = keys == NULL ? -1 : 0, number = 0;
    char *line, *next;

    if (result == 0 && (result = file_read(path, &file, 64 << 20)) != 0)
        log_error("%s cannot be read: %s", path, strerror(errno));
    for (line = file.data; result == 0 && line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = 0;
        result = line_read(keys, path, ++number, line);
    }
    text_free(&file);
    if (result != 0) {
        keys_free(keys);
        return NULL;
    }
    if (keys->count > 0)
        qsort(keys->entries, keys->count, sizeof *keys->entries, by_name);
    for (size_t i = 1; i < keys->count; i++) {
        if (by_name(&keys->entries[i - 1], &keys->entries[i]) != 0)
            continue;
        log_error("%s: %s stands there twice", path, keys->entries[i].whom);
        keys_free(keys);
        return NULL;
    }
    return keys;
}

void keys_free(struct keys *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < keys->count; i++) {
        bulla_public_free(keys->entries[i].identity);
        free(keys->entries[i].whom);
    }
    free(keys->entries);
    free(keys);
}

enum found keys_find(const struct keys *keys, const char *address, const bulla_public **identity, bulla_key *key)
{
    const char *names[2] = {address, strrchr(address, '@')};

    for (size_t i = 0; i < 2 && keys->count > 0; i++) {
        struct entry wanted = {(char *)(uintptr_t)names[i], NULL, {{0}}};
        const struct entry *entry;

        if (names[i] == NULL)
            continue;
        entry = bsearch(&wanted, keys->entries, keys->count, sizeof *entry, by_name);
        if (entry == NULL)
            continue;
        if (entry->identity == NULL)
            return FOUND_CLEAR;
        *identity = entry->identity;
        *key = entry->key;
        return FOUND_KEY;
    }
    return FOUND_NOTHING;
}

bulla_status keys_allow(const struct keys *keys, bulla_policy *policy, bulla_error *error)
{
    bulla_status status = BULLA_OK;

    for (size_t i = 0; i < keys->count && status == BULLA_OK; i++)
        if (keys->entries[i].identity != NULL)
            status = bulla_policy_allow_identity(policy, keys->entries[i].identity, error);
    return status;
}
