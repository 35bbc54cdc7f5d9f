#include "keys.h"

#include "address.h"
#include "log.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* `whom` is as address_normal() writes it. */
struct entry { char *whom; bulla_public *identity; bulla_key key; int alone; };
struct keys { struct entry *entries; size_t count; char *delimiter; };

static int by_name(const void *one, const void *other)
{
    return strcmp(((const struct entry *)one)->whom, ((const struct entry *)other)->whom);
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

/* Adds a line of the table: for whom, and what else it says. */
static struct entry *entry_add(struct keys *keys, const char *whom)
{
    struct entry *entries = realloc(keys->entries, (keys->count + 1) * sizeof *entries), *entry;
    char name[ADDRESS_ROOM];

    if (entries == NULL)
        return NULL;
    keys->entries = entries;
    entry = memset(&entries[keys->count], 0, sizeof *entries);
    if (address_normal(whom, NULL, 1, name, sizeof name) >= sizeof name || (entry->whom = strdup(name)) == NULL)
        return NULL;
    keys->count++;
    return entry;
}

static int line_read(struct keys *keys, const char *path, int number, char *line)
{
    char *rest, *whom = strtok_r(line, " \t\r", &rest), *given, *more;
    struct entry *entry;
    int alone;

    if (whom == NULL || *whom == '#')
        return 0;
    given = strtok_r(NULL, " \t\r", &rest);
    more = strtok_r(NULL, " \t\r", &rest);
    alone = more != NULL && strcmp(more, "alone") == 0;
    if (alone)
        more = strtok_r(NULL, " \t\r", &rest);
    if (given == NULL || (more != NULL && *more != '#') || strchr(whom, '@') == NULL)
        return log_error("%s, line %d: not an address or @domain, and an identity, a file or \"clear\"", path, number), -1;
    if (alone && (*whom == '@' || strcmp(given, "clear") == 0))
        return log_error("%s, line %d: \"alone\" is for an address with an identity", path, number), -1;
    if ((entry = entry_add(keys, whom)) == NULL)
        return log_error("%s, line %d: no memory, or the address is too long", path, number), -1;
    entry->alone = alone;
    return strcmp(given, "clear") == 0 ? 0 : identity_read(path, number, given, entry);
}

struct keys *keys_read(const char *path, const char *delimiter)
{
    struct keys *keys = calloc(1, sizeof *keys);
    struct text file = {0};
    int result = keys == NULL ? -1 : 0, number = 0;
    char *line, *next;

    if (result == 0 && delimiter != NULL && (keys->delimiter = strdup(delimiter)) == NULL)
        result = (log_error("%s: no memory", path), -1);
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
    free(keys->delimiter);
    free(keys);
}

static const struct entry *entry_named(const struct keys *keys, char *name, size_t length)
{
    const struct entry wanted = {.whom = name};

    /* What is longer than that is in no table. */
    if (keys->count == 0 || length == 0 || length >= ADDRESS_ROOM)
        return NULL;
    return bsearch(&wanted, keys->entries, keys->count, sizeof wanted, by_name);
}

/* The line of the address itself: as it is, or else of the mailbox that it is without what follows the delimiter. */
static const struct entry *entry_of_mailbox(const struct keys *keys, const char *address, int *by_delimiter)
{
    char name[ADDRESS_ROOM];
    const struct entry *entry = entry_named(keys, name, address_normal(address, NULL, 1, name, sizeof name));

    *by_delimiter = entry == NULL && keys->delimiter != NULL;
    return *by_delimiter ? entry_named(keys, name, address_normal(address, keys->delimiter, 1, name, sizeof name)) : entry;
}

/* The delimiter never says that mail goes in clear: it is ours, and the domain's own line may have a key. */
static const struct entry *entry_of_address(const struct keys *keys, const char *address)
{
    int by_delimiter;
    const struct entry *entry = entry_of_mailbox(keys, address, &by_delimiter);

    return entry != NULL && by_delimiter && entry->identity == NULL ? NULL : entry;
}

static const struct entry *entry_of_domain(const struct keys *keys, const char *address)
{
    char name[ADDRESS_ROOM];

    return entry_named(keys, name, address_domain(address, name, sizeof name));
}

enum found keys_find(const struct keys *keys, const char *address, const bulla_public **identity, bulla_key *key)
{
    const struct entry *entry = entry_of_address(keys, address);

    if (entry == NULL)
        entry = entry_of_domain(keys, address);
    if (entry == NULL)
        return FOUND_NOTHING;
    if (entry->identity == NULL)
        return FOUND_CLEAR;
    *identity = entry->identity;
    *key = entry->key;
    return FOUND_KEY;
}

int keys_seal(const struct keys *keys, const char *address)
{
    int by_delimiter;
    const struct entry *entry = entry_of_mailbox(keys, address, &by_delimiter);

    if (entry == NULL)
        entry = entry_of_domain(keys, address);
    return entry != NULL && entry->identity != NULL;
}

int keys_sign(const struct keys *keys, const char *address, const bulla_key *signer)
{
    const struct entry *entries[2] = {entry_of_address(keys, address), entry_of_domain(keys, address)};
    int result = 0;

    if (entries[0] != NULL && entries[0]->alone)
        entries[1] = NULL;
    for (size_t i = 0; i < 2 && result <= 0; i++)
        if (entries[i] != NULL && entries[i]->identity != NULL)
            result = memcmp(&entries[i]->key, signer, sizeof *signer) == 0 ? 1 : -1;
    return result;
}

bulla_status keys_allow(const struct keys *keys, bulla_policy *policy, bulla_error *error)
{
    bulla_status status = BULLA_OK;

    for (size_t i = 0; i < keys->count && status == BULLA_OK; i++)
        if (keys->entries[i].identity != NULL)
            status = bulla_policy_allow_identity(policy, keys->entries[i].identity, error);
    return status;
}
