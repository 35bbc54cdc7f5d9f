#include "harness.h"

const struct test test_outbox[] = {
    END,
};
