
#ifndef BULLA_H
#define BULLA_H

/* Made by `cargo run --package bulla-header` from src/ffi: change that, and not this. */

#include <stddef.h>
#include <stdint.h>

/* The result must be looked at. */
#if defined(__cplusplus) && __cplusplus >= 201703L
#define BULLA_MUST_CHECK [[nodiscard]]
#elif defined(__GNUC__) || defined(__clang__)
#define BULLA_MUST_CHECK __attribute__((warn_unused_result))
#else
#define BULLA_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

