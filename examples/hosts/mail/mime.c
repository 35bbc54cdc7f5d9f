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

static void part_write(struct text *out, const char *boundary, const char *type, const char *name, const uint8_t *bytes, size_t length,
                       const char *end)
{
    text_format(out, "--%s%sContent-Type: %s; name=\"%s\"%s", boundary, end, type, name, end);
    text_format(out, "Content-Transfer-Encoding: base64%sContent-Disposition: attachment; filename=\"%s\"%s%s", end, name, end, end);
    base64_write(out, bytes, length, end);
}

void mime_body_write(struct text *out, const char *type, const uint8_t *bytes, size_t length, const struct text *addressees,
                     const char *end)
{
    int receipt = strcmp(type, TYPE_RECEIPT) == 0;
    struct text boundary = {0};

    boundary_write(&boundary, bytes, length);
    if (boundary.failed || (addressees != NULL && addressees->failed)) {
        text_free(&boundary);
        out->failed = 1;
        return;
    }
    text_format(out, "--%s%sContent-Type: text/plain; charset=us-ascii%s%s%s%s%s", boundary.data, end, end, end,
                receipt ? WORDS_RECEIPT : WORDS_ENVELOPE, end, end);
    part_write(out, boundary.data, type, receipt ? "receipt.bulla" : "message.bulla", bytes, length, end);
    if (addressees != NULL && addressees->length > 0)
        part_write(out, boundary.data, TYPE_ADDRESSEES, "addressees.bulla", (const uint8_t *)addressees->data, addressees->length, end);
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

/* Whether a field Content-Type begins here that names this type. Its value may begin on a continuation line. */
static int names_type(const char *body, size_t at, size_t length, const char *type)
{
    static const char name[] = "content-type:";
    size_t wanted = strlen(type);

    if (length - at < sizeof name - 1 || strncasecmp(body + at, name, sizeof name - 1) != 0)
        return 0;
    at += sizeof name - 1;
    for (;;) {
        size_t after = at;

        while (after < length && (body[after] == '\r' || body[after] == '\n'))
            after++;
        if (after == length || (body[after] != ' ' && body[after] != '\t'))
            break;
        at = after + 1;
    }
    return length - at >= wanted && strncasecmp(body + at, type, wanted) == 0 &&
           (length - at == wanted || strchr("; \t\r\n", body[at + wanted]) != NULL);
}

/* Where what follows the next empty line begins. */
static size_t after_header(const char *body, size_t at, size_t length)
{
    while (at < length) {
        const char *next = memchr(body + at, '\n', length - at);
        size_t end = next == NULL ? length : (size_t)(next - body);

        if (end == at || (end == at + 1 && body[at] == '\r'))
            return next == NULL ? length : end + 1;
        at = end + 1;
    }
    return length;
}

/* Whichever boundaries relays made, and whatever lines they put into the header of a part: it begins after a line end, and ends with
 * an empty line. */
int mime_find(struct text *out, const char *type, const struct header *header, const char *body, size_t length)
{
    char *value = header_value(header, "Content-Type");
    int whole = value != NULL && is_type(value, type), failed = value == NULL && header_count(header, "Content-Type") > 0;
    size_t at = 0;

    free(value);
    if (failed)
        return errno = ENOMEM, -1;
    if (whole)
        return decode(out, body, length);
    while (at < length) {
        const char *next;

        if (names_type(body, at, length, type)) {
            at = after_header(body, at, length);
            return decode(out, body + at, length - at);
        }
        if ((next = memchr(body + at, '\n', length - at)) == NULL)
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

int mime_is_alone(const char *type, const struct header *header, const char *body, size_t length, struct text *bytes,
                  struct text *addressees)
{
    struct text again = {0}, wanted = {0};
    char *value = header_value(header, "Content-Type");
    bulla_inspection seen;
    int found, lists, alone = 0;

    errno = 0;
    found = mime_find(bytes, type, header, body, length);
    lists = found < 0 && errno == ENOMEM ? -1 : mime_find(addressees, TYPE_ADDRESSEES, header, body, length);
    if (errno == ENOMEM) {
        alone = -1;
    } else if (value != NULL && header_count(header, "Content-Type") == 1 && found == 1 && lists >= 0 &&
               bulla_inspect((const uint8_t *)bytes->data, bytes->length, &seen, NULL) == BULLA_OK && seen.kind == BULLA_KIND_SEALED) {
        mime_type_write(&wanted, (const uint8_t *)bytes->data, bytes->length);
        mime_body_write(&again, type, (const uint8_t *)bytes->data, bytes->length, addressees, "\n");
        alone = wanted.failed || again.failed ? -1
                                              : strcmp(value, wanted.data) == 0 && same_lines(body, length, again.data, again.length);
    }
    free(value);
    text_free(&again);
    text_free(&wanted);
    return alone;
}
