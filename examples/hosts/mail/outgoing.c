#include "outgoing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void outgoing_free(struct outgoing *outgoing)
{
    for (size_t i = 0; i < outgoing->count; i++)
        free(outgoing->addressees[i].address);
    for (size_t i = 0; i < outgoing->list_count; i++)
        text_free(&outgoing->lists[i].sealed);
    free(outgoing->lists);
    free(outgoing->addressees);
    free(outgoing->from);
    text_free(&outgoing->header);
    memset(outgoing, 0, sizeof *outgoing);
}

int outgoing_name(struct outgoing *outgoing, const struct text *content, const bulla_sent *apart)
{
    bulla_hasher *hasher = NULL;
    bulla_digest digest;
    struct text who = {0}, hex = {0};
    bulla_status status = bulla_hasher_new(&hasher, NULL);

    /* The closing NULs go in too: they, and the number, divide what comes one after the other. */
    text_add(&who, outgoing->from, strlen(outgoing->from) + 1);
    text_format(&who, "%zu", outgoing->count);
    text_add(&who, "", 1);
    for (size_t i = 0; i < outgoing->count; i++) {
        text_add(&who, outgoing->addressees[i].key.bytes, sizeof outgoing->addressees[i].key.bytes);
        text_add(&who, outgoing->addressees[i].address, strlen(outgoing->addressees[i].address) + 1);
    }
    text_puts(&who, apart == NULL ? "-" : "+");
    if (apart != NULL)
        text_add(&who, apart->message_id.bytes, sizeof apart->message_id.bytes);
    if (status == BULLA_OK && !who.failed && !content->failed &&
        (status = bulla_hasher_update(hasher, (const uint8_t *)who.data, who.length, NULL)) == BULLA_OK &&
        (status = bulla_hasher_update(hasher, (const uint8_t *)content->data, content->length, NULL)) == BULLA_OK &&
        (status = bulla_hasher_digest(hasher, &digest, NULL)) == BULLA_OK)
        hex_write(&hex, digest.bytes, sizeof digest.bytes);
    bulla_hasher_free(hasher);
    text_free(&who);
    if (hex.failed || hex.length != OUTGOING_NAME - 1)
        return text_free(&hex), errno = ENOMEM, -1;
    memcpy(outgoing->name, hex.data, OUTGOING_NAME);
    text_free(&hex);
    return 0;
}

int outgoing_address(struct outgoing *outgoing, const bulla_key *key, const char *address)
{
    struct addressee *more = realloc(outgoing->addressees, (outgoing->count + 1) * sizeof *more);

    if (more == NULL)
        return errno = ENOMEM, -1;
    outgoing->addressees = more;
    more[outgoing->count].key = *key;
    if ((more[outgoing->count].address = strdup(address)) == NULL)
        return errno = ENOMEM, -1;
    outgoing->count++;
    return 0;
}

int outgoing_list(struct outgoing *outgoing, const bulla_key *key, const bulla_sent *sent, const void *sealed, size_t length)
{
    struct list *more = realloc(outgoing->lists, (outgoing->list_count + 1) * sizeof *more);

    if (more == NULL)
        return errno = ENOMEM, -1;
    outgoing->lists = more;
    memset(&more[outgoing->list_count], 0, sizeof *more);
    more[outgoing->list_count].key = *key;
    more[outgoing->list_count].sent = *sent;
    text_add(&more[outgoing->list_count].sealed, sealed, length);
    return more[outgoing->list_count++].sealed.failed ? (errno = ENOMEM, -1) : 0;
}

const struct list *outgoing_list_of(const struct outgoing *outgoing, const bulla_key *key)
{
    for (size_t i = 0; i < outgoing->list_count; i++)
        if (memcmp(&outgoing->lists[i].key, key, sizeof *key) == 0)
            return &outgoing->lists[i];
    return NULL;
}

int outgoing_write(const struct host *host, const struct outgoing *outgoing)
{
    struct text file = {0}, path = {0};
    int result;

    text_puts(&file, "bulla-outgoing 2\nsent ");
    hex_write(&file, (const uint8_t *)&outgoing->sent, sizeof outgoing->sent);
    text_format(&file, "\nfrom %s\n", outgoing->from);
    for (size_t i = 0; i < outgoing->count; i++) {
        text_puts(&file, "to ");
        hex_write(&file, outgoing->addressees[i].key.bytes, sizeof outgoing->addressees[i].key.bytes);
        text_format(&file, " %s\n", outgoing->addressees[i].address);
    }
    for (size_t i = 0; i < outgoing->list_count; i++) {
        const struct list *list = &outgoing->lists[i];

        text_puts(&file, "list ");
        hex_write(&file, list->key.bytes, sizeof list->key.bytes);
        hex_write(&file, (const uint8_t *)&list->sent, sizeof list->sent);
        hex_write(&file, (const uint8_t *)list->sealed.data, list->sealed.length);
        text_puts(&file, "\n");
        file.failed |= list->sealed.failed;
    }
    text_puts(&file, "\n");
    text_add(&file, outgoing->header.data, outgoing->header.length);
    result = file.failed || outgoing->header.failed
                 ? (errno = ENOMEM, -1)
                 : file_write(host_path(host, &path, "outgoing", outgoing->name), file.data, file.length);
    text_free(&file);
    text_free(&path);
    return result;
}

/* Key, what was sent, and the sealed list, in hexadecimal digits. 0, or -1 and errno, as line_read(). */
static int list_read(struct outgoing *outgoing, const char *digits)
{
    size_t length = strlen(digits) / 2;
    bulla_key key;
    bulla_sent sent;
    uint8_t *bytes;
    int result = -1;

    if (length <= sizeof key + sizeof sent)
        return errno = EINVAL, -1;
    if ((bytes = malloc(length)) == NULL)
        return errno = ENOMEM, -1;
    if (hex_read(bytes, length, digits) != 0) {
        errno = EINVAL;
    } else {
        memcpy(&key, bytes, sizeof key);
        memcpy(&sent, bytes + sizeof key, sizeof sent);
        result = outgoing_list(outgoing, &key, &sent, bytes + sizeof key + sizeof sent, length - sizeof key - sizeof sent);
    }
    free(bytes);
    return result;
}

/* 0; or -1 and errno: EINVAL if it is no line of ours, or ENOMEM, which says nothing of the file. */
static int line_read(struct outgoing *outgoing, const char *line)
{
    bulla_key key;

    if (strncmp(line, "list ", 5) == 0)
        return list_read(outgoing, line + 5);
    if (strncmp(line, "from ", 5) == 0 && outgoing->from == NULL)
        return (outgoing->from = strdup(line + 5)) == NULL ? (errno = ENOMEM, -1) : 0;
    if (strncmp(line, "to ", 3) == 0 && strlen(line) > 4 + 2 * sizeof key.bytes && hex_read(key.bytes, sizeof key.bytes, line + 3) == 0)
        return outgoing_address(outgoing, &key, line + 4 + 2 * sizeof key.bytes);
    if (strncmp(line, "sent ", 5) == 0 && strlen(line + 5) == 2 * sizeof outgoing->sent &&
        hex_read((uint8_t *)&outgoing->sent, sizeof outgoing->sent, line + 5) == 0)
        return 0;
    return strcmp(line, "bulla-outgoing 2") == 0 ? 0 : (errno = EINVAL, -1);
}

int outgoing_read(const struct host *host, const char *name, struct outgoing *outgoing)
{
    struct text file = {0}, path = {0};
    char *line, *next;
    int result, why;

    memset(outgoing, 0, sizeof *outgoing);
    if (strspn(name, "0123456789abcdef") != OUTGOING_NAME - 1 || name[OUTGOING_NAME - 1] != 0)
        return errno = ENOENT, -1;
    memcpy(outgoing->name, name, OUTGOING_NAME);
    host_path(host, &path, "outgoing", name);
    result = path.failed ? (errno = ENOMEM, -1) : file_read(path.data, &file, 64 << 20);
    for (line = file.data; result == 0; line = next) {
        next = strchr(line, '\n');
        if (next == NULL) {
            result = -1;
            errno = EINVAL;
            break;
        }
        *next++ = 0;
        if (*line == 0) {
            text_puts(&outgoing->header, next);
            break;
        }
        result = line_read(outgoing, line);
    }
    if (result == 0 && (outgoing->from == NULL || outgoing->header.failed))
        result = (errno = outgoing->header.failed ? ENOMEM : EINVAL, -1);
    why = errno;
    if (result != 0)
        outgoing_free(outgoing);
    text_free(&file);
    text_free(&path);
    errno = why;
    return result;
}

void outgoing_keep(const struct host *host, const char *name)
{
    struct text path = {0};

    utimensat(AT_FDCWD, host_path(host, &path, "outgoing", name), NULL, 0);
    text_free(&path);
}

void outgoing_recipients(const struct outgoing *outgoing, const bulla_key *key, struct text *out)
{
    text_clear(out);
    text_add(out, "", 0);
    for (size_t i = 0; i < outgoing->count; i++)
        if (memcmp(&outgoing->addressees[i].key, key, sizeof *key) == 0)
            text_format(out, "%s%s", out->length > 0 ? ", " : "", outgoing->addressees[i].address);
}

static const char *ours_path(const struct host *host, const uint8_t *bytes, size_t length, const struct text *lists, struct text *path)
{
    bulla_hasher *hasher = NULL;
    bulla_digest digest;
    struct text hex = {0};
    const char *result = NULL;
    bulla_status status = bulla_hasher_new(&hasher, NULL);

    if (status == BULLA_OK)
        status = bulla_hasher_update(hasher, bytes, length, NULL);
    /* What an envelope is says where it ends: no other division has the same bytes. */
    if (status == BULLA_OK && lists != NULL && lists->length > 0)
        status = bulla_hasher_update(hasher, (const uint8_t *)lists->data, lists->length, NULL);
    if (status == BULLA_OK && (status = bulla_hasher_digest(hasher, &digest, NULL)) == BULLA_OK)
        hex_write(&hex, digest.bytes, sizeof digest.bytes);
    if (status == BULLA_OK && !hex.failed && *host_path(host, path, "ours", hex.data) != 0)
        result = path->data;
    bulla_hasher_free(hasher);
    text_free(&hex);
    return result;
}

void ours_remember(const struct host *host, const uint8_t *bytes, size_t length, const struct text *lists)
{
    struct text path = {0};
    const char *name = ours_path(host, bytes, length, lists, &path);
    int file = name == NULL ? -1 : open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (file >= 0)
        close(file);
    text_free(&path);
}

int ours_is(const struct host *host, const uint8_t *bytes, size_t length, const struct text *lists)
{
    struct text path = {0};
    const char *name = ours_path(host, bytes, length, lists, &path);
    int is = name == NULL ? -1 : access(name, F_OK) == 0 ? 1 : errno == ENOENT ? 0 : -1;

    text_free(&path);
    return is;
}
