#include "results.h"

#include "log.h"

#include <ctype.h>
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

/* Where a quoted string or a comment that begins here ends; NULL if it does not. */
static const char *quoted_end(const char *c)
{
    const int quoted = *c == '"';
    int depth = !quoted;

    for (c++; *c != 0; c++) {
        if (*c == '\\' && c[1] != 0) {
            c++;
        } else if (quoted && *c == '"') {
            return c + 1;
        } else if (!quoted) {
            depth += (*c == '(') - (*c == ')');
            if (depth == 0)
                return c + 1;
        }
    }
    return NULL;
}

/* Past white space and comments; NULL if one of those has no end. */
static const char *blank_skip(const char *c)
{
    while (c != NULL && (isspace((unsigned char)*c) || *c == '('))
        c = *c == '(' ? quoted_end(c) : c + 1;
    return c;
}

/* The next semicolon, or the end; NULL if quotes or a comment have no end. */
static const char *result_end(const char *c)
{
    while (c != NULL && *c != 0 && *c != ';')
        c = *c == '(' || *c == '"' ? quoted_end(c) : c + 1;
    return c;
}

int results_are_of(const char *value, const char *domain)
{
    struct text name = {0};
    const char *c = value, *end;
    int ours;

    text_add(&name, "", 0);
    while (*c != 0 && *c != ';') {
        if (*c == '(') {
            end = quoted_end(c);
            c = end == NULL ? c + strlen(c) : end;
        } else if (isspace((unsigned char)*c) && name.length > 0) {
            break;
        } else {
            /* What a backslash stands before is itself, in quotes and, to some readers, without. */
            if (*c == '\\' && c[1] != 0)
                c++;
            if (!isspace((unsigned char)*c) && *c != '"')
                text_add(&name, c, 1);
            c++;
        }
    }
    while (name.length > 0 && name.data[name.length - 1] == '.')
        name.data[--name.length] = 0;
    ours = name.failed || strcasecmp(name.data, domain) == 0;
    text_free(&name);
    return ours;
}

/* In whose name a field speaks, and what of. */
enum claim { CLAIM_ELSEWHERE, CLAIM_OTHERS, CLAIM_BULLA, CLAIM_UNREADABLE };

/* One result: "method/version=result ...", or "none". Gives where it ends, or NULL if it cannot be read. */
static const char *result_read(const char *c, enum claim *claim)
{
    size_t length;
    const char *method = c = blank_skip(c);

    if (c == NULL)
        return NULL;
    length = strspn(c, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    c = blank_skip(c + length);
    if (c != NULL && *c == '/' && (c = blank_skip(c + 1)) != NULL)
        c = blank_skip(c + strspn(c, "0123456789"));
    if (c == NULL || (*c != '=' && *c != 0) || (*c == '=' && length == 0) ||
        (*c == 0 && length > 0 && (length != 4 || strncasecmp(method, "none", 4) != 0)))
        return NULL;
    if (length == 5 && strncasecmp(method, "bulla", 5) == 0)
        *claim = CLAIM_BULLA;
    return result_end(c);
}

static enum claim claim_of(const char *value, const char *domain)
{
    enum claim claim = CLAIM_OTHERS;
    const char *c;

    if (!results_are_of(value, domain))
        return CLAIM_ELSEWHERE;
    for (c = result_end(value); c != NULL && *c == ';';)
        c = result_read(c + 1, &claim);
    return c == NULL ? CLAIM_UNREADABLE : claim;
}

static int goes(enum claim claim, enum kept kept)
{
    return claim == CLAIM_UNREADABLE || (claim == CLAIM_BULLA && kept != KEPT_ALL) || (claim == CLAIM_OTHERS && kept == KEPT_NONE);
}

int results_go(const char *value, const struct config *config)
{
    /* Where mail first comes in, nobody else says what our method says. */
    return goes(claim_of(value, config->domain), config->results == KEPT_NONE ? KEPT_NONE : KEPT_OTHERS);
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

/* What a field, which a stranger may have written oddly, would be read as. */
static enum claim field_claim(const char *field, size_t length, const char *domain)
{
    size_t name = strlen(FIELD);
    struct text value = {0};
    enum claim claim;

    if (length <= name || strncasecmp(field, FIELD, name) != 0)
        return CLAIM_ELSEWHERE;
    while (name < length && (field[name] == ' ' || field[name] == '\t'))
        name++;
    if (name == length || field[name] != ':')
        return CLAIM_ELSEWHERE;
    text_add(&value, field + name + 1, length - name - 1);
    claim = value.failed ? CLAIM_UNREADABLE : claim_of(value.data, domain);
    if (claim != CLAIM_ELSEWHERE && !value.failed && memchr(value.data, 0, value.length) != NULL)
        claim = CLAIM_UNREADABLE;
    text_free(&value);
    return claim;
}

static int line_is_empty(const struct text *mail, size_t at)
{
    return mail->data[at] == '\n' || (mail->data[at] == '\r' && at + 1 < mail->length && mail->data[at + 1] == '\n');
}

/* Whether somebody whom we believe has said already what the method bulla says. */
static int is_said(const struct text *mail, const char *domain)
{
    for (size_t at = 0, next; at < mail->length && !line_is_empty(mail, at); at = next) {
        next = field_end(mail, at);
        if (field_claim(mail->data + at, next - at, domain) == CLAIM_BULLA)
            return 1;
    }
    return 0;
}

static void results_write(struct text *out, const struct text *results, const char *end)
{
    text_puts(out, FIELD ":");
    for (size_t i = 0; i < results->length; i++) {
        if (results->data[i] == '\n')
            text_puts(out, end);
        else
            text_add(out, results->data + i, 1);
    }
    text_puts(out, end);
}

void results_put(struct text *out, const struct text *mail, const char *domain, enum kept kept, const struct text *results)
{
    const char *line_feed = mail->length == 0 ? NULL : memchr(mail->data, '\n', mail->length);
    size_t at = 0;

    if (kept != KEPT_ALL || !is_said(mail, domain))
        results_write(out, results, line_feed != NULL && line_feed > mail->data && line_feed[-1] == '\r' ? "\r\n" : "\n");
    while (at < mail->length && !line_is_empty(mail, at)) {
        size_t next = field_end(mail, at);

        if (goes(field_claim(mail->data + at, next - at, domain), kept))
            log_info("removed results in the name of %s", domain);
        else
            text_add(out, mail->data + at, next - at);
        at = next;
    }
    text_add(out, mail->data + at, mail->length - at);
    out->failed |= mail->failed | results->failed;
}
