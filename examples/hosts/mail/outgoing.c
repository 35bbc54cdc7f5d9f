#include "outgoing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void outgoing_free(struct outgoing *outgoing)
{
    for (size_t i = 0; i < outgoing->count; i++)
        free(outgoing->addressees[i].address);
    free(outgoing->addressees);
    free(outgoing->from);
    text_free(&outgoing->header);
    memset(outgoing, 0, sizeof *outgoing);
}

int outgoing_name(char *name, const struct mail *mail, const struct text *content)
{
    bulla_hasher *hasher = NULL;
    bulla_digest digest;
    struct text hex = {0};
    bulla_status status = bulla_hasher_new(&hasher, NULL);

    /* The closing NUL goes in too: it divides the addresses. */
    if (status == BULLA_OK)
        status = bulla_hasher_update(hasher, (const uint8_t *)mail->from, strlen(mail->from) + 1, NULL);
    for (size_t i = 0; i < mail->count && status == BULLA_OK; i++)
        status = bulla_hasher_update(hasher, (const uint8_t *)mail->recipients[i], strlen(mail->recipients[i]) + 1, NULL);
    if (status == BULLA_OK &&
        (status = bulla_hasher_update(hasher, (const uint8_t *)content->data, content->length, NULL)) == BULLA_OK)
        status = bulla_hasher_digest(hasher, &digest, NULL);
    bulla_hasher_free(hasher);
    if (status == BULLA_OK)
        hex_write(&hex, digest.bytes, sizeof digest.bytes);
    if (status != BULLA_OK || hex.failed)
        return text_free(&hex), -1;
    memcpy(name, hex.data, OUTGOING_NAME);
    text_free(&hex);
    return 0;
}

int outgoing_address(struct outgoing *outgoing, const bulla_key *key, const char *address)
{
    struct addressee *more = realloc(outgoing->addressees, (outgoing->count + 1) * sizeof *more);

    if (more == NULL)
        return -1;
    outgoing->addressees = more;
    more[outgoing->count].key = *key;
    if ((more[outgoing->count].address = strdup(address)) == NULL)
        return -1;
    outgoing->count++;
    return 0;
}

int outgoing_write(const struct host *host, const struct outgoing *outgoing)
{
    struct text file = {0}, path = {0};
    int result;

    text_puts(&file, "bulla-outgoing 1\nsent ");
    hex_write(&file, (const uint8_t *)&outgoing->sent, sizeof outgoing->sent);
    text_format(&file, "\nfrom %s\n", outgoing->from);
    for (size_t i = 0; i < outgoing->count; i++) {
        text_puts(&file, "to ");
        hex_write(&file, outgoing->addressees[i].key.bytes, sizeof outgoing->addressees[i].key.bytes);
        text_format(&file, " %s\n", outgoing->addressees[i].address);
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

static int line_read(struct outgoing *outgoing, const char *line)
{
    bulla_key key;

    if (strncmp(line, "sent ", 5) == 0)
        return strlen(line + 5) == 2 * sizeof outgoing->sent ? hex_read((uint8_t *)&outgoing->sent, sizeof outgoing->sent, line + 5) : -1;
    if (strncmp(line, "from ", 5) == 0 && outgoing->from == NULL)
        return (outgoing->from = strdup(line + 5)) == NULL ? -1 : 0;
    if (strncmp(line, "to ", 3) == 0 && strlen(line) > 4 + 2 * sizeof key.bytes && hex_read(key.bytes, sizeof key.bytes, line + 3) == 0)
        return outgoing_address(outgoing, &key, line + 4 + 2 * sizeof key.bytes);
    return strcmp(line, "bulla-outgoing 1") == 0 ? 0 : -1;
}

int outgoing_read(const struct host *host, const char *name, struct outgoing *outgoing)
{
    struct text file = {0}, path = {0};
    char *line, *next;
    int result;

    memset(outgoing, 0, sizeof *outgoing);
    if (strspn(name, "0123456789abcdef") != OUTGOING_NAME - 1 || name[OUTGOING_NAME - 1] != 0)
        return errno = ENOENT, -1;
    memcpy(outgoing->name, name, OUTGOING_NAME);
    result = file_read(host_path(host, &path, "outgoing", name), &file, 64 << 20);
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
        if ((result = line_read(outgoing, line)) != 0)
            errno = EINVAL;
    }
    text_free(&file);
    text_free(&path);
    if (result == 0 && (outgoing->from == NULL || outgoing->header.failed))
        result = (errno = EINVAL, -1);
    if (result != 0) {
        int why = errno;

        outgoing_free(outgoing);
        errno = why;
    }
    return result;
}

void outgoing_forget(const struct host *host, const char *name)
{
    struct text path = {0};

    if (strspn(name, "0123456789abcdef") == OUTGOING_NAME - 1)
        unlink(host_path(host, &path, "outgoing", name));
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
