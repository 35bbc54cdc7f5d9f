/* The milter itself: what the mail server tells, and what it is told. */
#ifndef BULLA_MAIL_MILTER_H
#define BULLA_MAIL_MILTER_H

/* Listens on a socket, as libmilter writes it. smfi_main() then serves. 0, or -1. */
int milter_register(const char *socket);

/* Runs the milter, and starts it again if it dies. `role` and `socket`, if they are not NULL, are
 * taken for those of the configuration. SIGHUP makes it read its configuration again; SIGTERM ends it. The exit status. */
int milter_run(const char *configuration, const char *role, const char *socket);

/* Asks the running milter to confirm what the queue has delivered to this address, and sends the receipts. An exit status of
 * sysexits.h. */
int milter_confirm(const char *configuration, const char *address);

#endif
