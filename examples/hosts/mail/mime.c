#include "mime.h"

#include <bulla.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char WORDS_ENVELOPE[] = "This message is sealed with Bulla: only the software of its recipients can open it.";
static const char WORDS_RECEIPT[] = "This is a sealed receipt for a message that was sealed with Bulla. Software reads it.";

static void boundary_write(struct text *out, const uint8_t *bytes, size_t length)
{
    bulla_digest digest;

    if (bulla_digest_of(bytes, length, &digest, NULL) != BULLA_OK) {
        out->failed = 1;
        return;
    }
    text_puts(out, "=_bulla_");
    hex_write(out, digest.bytes, 12);
}

void mime_type_write(struct text *out, const uint8_t *bytes, size_t length)
{
    text_puts(out, "multipart/mixed; boundary=\"");
    boundary_write(out, bytes, length);
    text_puts(out, "\"");
}

void mime_body_write(struct text *out, const char *type, const uint8_t *bytes, size_t length, const char *end)
{
    int receipt = strcmp(type, TYPE_RECEIPT) == 0;
    const char *name = receipt ? "receipt.bulla" : "message.bulla";
    struct text boundary = {0};

    boundary_write(&boundary, bytes, length);
    if (boundary.failed) {
        out->failed = 1;
        return;
    }
    text_format(out, "--%s%sContent-Type: text/plain; charset=us-ascii%s%s%s%s%s", boundary.data, end, end, end,
                receipt ? WORDS_RECEIPT : WORDS_ENVELOPE, end, end);
    text_format(out, "--%s%sContent-Type: %s; name=\"%s\"%s", boundary.data, end, type, name, end);
    text_format(out, "Content-Transfer-Encoding: base64%sContent-Disposition: attachment; filename=\"%s\"%s%s", end, name, end, end);
    base64_write(out, bytes, length, end);
    text_format(out, "--%s--%s", boundary.data, end);
    text_free(&boundary);
}

/* Whether the value of Content-Type names this type. */
static int is_type(const char *value, const char *type)
{
    size_t length = strlen(type);

    while (isspace((unsigned char)*value))
        value++;
    return strncasecmp(value, type, length) == 0 && strchr("; \t\r\n", value[length]) != NULL;
}

static int decode(struct text *out, const char *from, size_t length)
{
    text_add(out, "", 0);
    if (base64_read(out, from, length) == 0 && out->length > 0)
        return 1;
    errno = out->failed ? ENOMEM : EINVAL;
    return -1;
}

/* Tries the lines from here on as the header of a part. Whichever boundaries relays made, the header of the part begins after a
 * line end, and its fields are well-formed. */
static int part_is(const char *body, size_t at, size_t length, const char *type, size_t *content)
{
    static const char name[] = "content-type:";
    struct header header = {0};
    size_t begin = at;
    char *value;
    long end;
    int is;

    if (length - at < sizeof name || strncasecmp(body + at, name, sizeof name - 1) != 0)
        return 0;
    end = header_parse(&header, body + begin, length - begin > 8192 ? 8192 : length - begin);
    value = header_value(&header, "Content-Type");
    is = end > 0 && value != NULL && is_type(value, type);
    *content = begin + (end > 0 ? (size_t)end : 0);
    free(value);
    header_free(&header);
    return is;
}

int mime_find(struct text *out, const char *type, const struct header *header, const char *body, size_t length)
{
    char *value = header_value(header, "Content-Type");
    int whole = value != NULL && is_type(value, type);
    size_t at = 0, content;

    free(value);
    if (whole)
        return decode(out, body, length);
    while (at < length) {
        const char *next = memchr(body + at, '\n', length - at);

        if (part_is(body, at, length, type, &content))
            return decode(out, body + content, length - content);
        if (next == NULL)
            break;
        at = (size_t)(next - body) + 1;
    }
    return 0;
}

/* Compares without regard to how lines end, and to empty lines at the end. */
static int same_lines(const char *one, size_t one_length, const char *other, size_t other_length)
{
    size_t i = 0, j = 0;

    for (;;) {
        while (i < one_length && one[i] == '\r')
            i++;
        while (j < other_length && other[j] == '\r')
            j++;
        if (i >= one_length || j >= other_length || one[i] != other[j])
            break;
        i++, j++;
    }
    while (i < one_length && (one[i] == '\r' || one[i] == '\n'))
        i++;
    while (j < other_length && (other[j] == '\r' || other[j] == '\n'))
        j++;
    return i == one_length && j == other_length;
}

int mime_is_sealed(const struct header *header, const char *body, size_t length)
{
    static const char *const types[] = {TYPE_ENVELOPE, TYPE_RECEIPT};
    int sealed = 0;

    for (size_t i = 0; i < 2 && !sealed; i++) {
        struct text envelope = {0}, again = {0}, type = {0};
        char *value = header_value(header, "Content-Type");
        bulla_inspection seen;

        if (value != NULL && mime_find(&envelope, types[i], header, body, length) == 1 &&
            bulla_inspect((const uint8_t *)envelope.data, envelope.length, &seen, NULL) == BULLA_OK &&
            seen.kind == BULLA_KIND_SEALED) {
            mime_type_write(&type, (const uint8_t *)envelope.data, envelope.length);
            mime_body_write(&again, types[i], (const uint8_t *)envelope.data, envelope.length, "\n");
            sealed = !type.failed && !again.failed && strcmp(value, type.data) == 0 &&
                     same_lines(body, length, again.data, again.length);
        }
        free(value);
        text_free(&envelope);
        text_free(&again);
        text_free(&type);
    }
    return sealed;
}
