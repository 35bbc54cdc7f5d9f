#include "mail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mail_free(struct mail *mail)
{
    for (size_t i = 0; i < mail->count; i++)
        free(mail->recipients[i]);
    free(mail->recipients);
    free(mail->from);
    header_free(&mail->header);
    text_free(&mail->body);
    memset(mail, 0, sizeof *mail);
}

void outcome_free(struct outcome *outcome)
{
    header_free(&outcome->header);
    text_free(&outcome->body);
    free(outcome->dropped);
    free(outcome->sender);
    memset(outcome, 0, sizeof *outcome);
}

int outcome_set(struct outcome *outcome, enum verdict verdict, const char *format, ...)
{
    va_list values;

    outcome->verdict = verdict;
    va_start(values, format);
    vsnprintf(outcome->say, sizeof outcome->say, format, values);
    va_end(values);
    /* It goes to a log and into an SMTP reply: one line, and no format of anybody's. */
    for (char *c = outcome->say; *c != 0; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c > 126 || *c == '%')
            *c = '?';
    return 0;
}

int mail_parse(struct mail *mail, const char *bytes, size_t length)
{
    const char *end;
    long body;

    /* Delivery agents may put an mbox line before the header. */
    if (length > 5 && memcmp(bytes, "From ", 5) == 0 && (end = memchr(bytes, '\n', length)) != NULL) {
        length -= (size_t)(end + 1 - bytes);
        bytes = end + 1;
    }
    /* A line that is no field must not hide what comes after it. */
    body = header_read(&mail->header, bytes, length);
    if (body < 0)
        return -1;
    text_add(&mail->body, bytes + body, length - (size_t)body);
    return mail->body.failed ? -1 : 0;
}

void lines_to_lf(struct text *out, const char *from, size_t length)
{
    size_t at = 0;

    text_add(out, "", 0);
    while (at < length) {
        const char *lf = memchr(from + at, '\n', length - at);
        size_t end = lf == NULL ? length : (size_t)(lf - from);

        text_add(out, from + at, end - at - (lf != NULL && end > at && from[end - 1] == '\r'));
        if (lf != NULL)
            text_puts(out, "\n");
        at = end + 1;
    }
}

void lines_to_crlf(struct text *out, const char *from, size_t length)
{
    size_t at = 0;

    text_add(out, "", 0);
    while (at < length) {
        const char *lf = memchr(from + at, '\n', length - at);
        size_t end = lf == NULL ? length : (size_t)(lf - from);

        text_add(out, from + at, end - at);
        if (lf != NULL)
            text_puts(out, "\r\n");
        at = end + 1;
    }
}

int lines_have_bare_lf(const char *from, size_t length)
{
    size_t at = 0;

    while (at < length) {
        const char *lf = memchr(from + at, '\n', length - at);

        if (lf == NULL)
            return 0;
        if (lf == from || lf[-1] != '\r')
            return 1;
        at = (size_t)(lf - from) + 1;
    }
    return 0;
}
