#include "results.h"

#include "header.h"
#include "log.h"

#include <string.h>
#include <strings.h>

#define FIELD "Authentication-Results"

/* What may stand in the results as it is: the address was signed, but by somebody who may be nobody's friend. */
#define PLAIN_ADDRESS "abcdefghijklmnopqrstuvwxyz0123456789.@!#$&'*+-/=?^_`{|}~"

void results_opened(struct text *out, const char *domain, const char *author, int known, const bulla_key *signer, const char *differing)
{
    text_format(out, " %s;\n\tbulla=%s header.from=%s\n\tpolicy.signer=", domain, known ? "pass" : "policy",
                *author != 0 && author[strspn(author, PLAIN_ADDRESS)] == 0 ? author : "unprintable");
    hex_write(out, signer->bytes, sizeof signer->bytes);
    text_format(out, "\n\tpolicy.outer=\"%s\"", differing != NULL && *differing != 0 ? differing : "same");
}

void results_other(struct text *out, const char *domain, const char *method_result)
{
    text_format(out, " %s;\n\tbulla=%s", domain, method_result);
}

/* Where the field that begins here ends, with its continuations and its last line end. */
static size_t field_end(const struct text *mail, size_t at)
{
    do {
        const char *line_feed = memchr(mail->data + at, '\n', mail->length - at);

        at = line_feed == NULL ? mail->length : (size_t)(line_feed - mail->data) + 1;
    } while (at < mail->length && (mail->data[at] == ' ' || mail->data[at] == '\t'));
    return at;
}

/* Whether a field, which a stranger may have written oddly, would be read as results of ours. */
static int is_ours(const char *field, size_t length, const char *domain)
{
    size_t name = strlen(FIELD);
    struct text value = {0};
    int ours;

    if (length <= name || strncasecmp(field, FIELD, name) != 0)
        return 0;
    while (name < length && (field[name] == ' ' || field[name] == '\t'))
        name++;
    if (name == length || field[name] != ':')
        return 0;
    text_add(&value, field + name + 1, length - name - 1);
    ours = value.failed || results_are_of(value.data, domain);
    text_free(&value);
    return ours;
}

static int line_is_empty(const struct text *mail, size_t at)
{
    return mail->data[at] == '\n' || (mail->data[at] == '\r' && at + 1 < mail->length && mail->data[at + 1] == '\n');
}

void results_put(struct text *out, const struct text *mail, const char *domain, const struct text *results)
{
    const char *line_feed = mail->length == 0 ? NULL : memchr(mail->data, '\n', mail->length);
    const char *end = line_feed != NULL && line_feed > mail->data && line_feed[-1] == '\r' ? "\r\n" : "\n";
    size_t at = 0;

    text_puts(out, FIELD ":");
    for (size_t i = 0; i < results->length; i++) {
        if (results->data[i] == '\n')
            text_puts(out, end);
        else
            text_add(out, results->data + i, 1);
    }
    text_puts(out, end);
    while (at < mail->length && !line_is_empty(mail, at)) {
        size_t next = field_end(mail, at);

        if (is_ours(mail->data + at, next - at, domain))
            log_info("removed results in the name of %s", domain);
        else
            text_add(out, mail->data + at, next - at);
        at = next;
    }
    text_add(out, mail->data + at, mail->length - at);
    out->failed |= mail->failed | results->failed;
}
