#include "harness.h"

const struct test test_audit[] = {
    END,
};
