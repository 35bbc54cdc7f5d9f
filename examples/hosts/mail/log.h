/* One line for each thing that happened, to syslog (facility mail) or to standard error. No line holds what is in a mail. */
#ifndef BULLA_MAIL_LOG_H
#define BULLA_MAIL_LOG_H

void log_begin(const char *program, int to_syslog);
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
