"""What make_abuse.py knows of the types and functions of include/bulla.h besides what that says."""
import re

NUMBERS = {"uint8_t", "uint16_t", "uint32_t", "uint64_t", "int32_t", "int64_t", "size_t", "int", "bulla_status"}
# Handles that take more than valid arguments to make. All others are made by the function that gives them.
MADE = {
    "bulla_sealer": "abuse_sealer", "bulla_policy": "abuse_policy", "bulla_message": "abuse_message",
    "bulla_stamp": "abuse_stamp", "bulla_detached_stream": "abuse_detached_stream", "bulla_opener": "abuse_opener",
    "bulla_guard": "abuse_guard", "bulla_public": "abuse_public", "bulla_identity": "abuse_identity", "bulla_clock": "abuse_clock",
    "bulla_open_stream": "abuse_open_stream", "bulla_lease": "abuse_lease", "bulla_answer": "abuse_answered",
    "bulla_store_stream": "abuse_store_stream", "bulla_provisional_file": "abuse_provisional_file",
    "bulla_verified_file": "abuse_verified_file", "bulla_database": "abuse_database", "bulla_outbox": "abuse_outbox",
    "bulla_due_list": "abuse_due_list", "bulla_entry_list": "abuse_entry_list", "bulla_settled": "abuse_settled",
    "bulla_audit_proof": "abuse_audit_proof", "bulla_receipt": "abuse_receipt", "bulla_asked": "abuse_asked",
    "bulla_guard_entry_list": "abuse_guard_entry_list", "bulla_guard_stream_list": "abuse_guard_stream_list",
    "bulla_seal_stream": "abuse_seal_stream", "bulla_ranges": "abuse_ranges",
}
# Handles that belong to something else, and are not freed.
BORROWED = {"bulla_stamp"}
# What may be asked of a stream after its end.
AFTER_THE_END = {"bulla_receipter_damaged", "bulla_receipter_damaged_in_store"}
# Handles in another state than they are made in: what abuse_NAME() makes, and make_NAME() frees at the end.
READY = {
    "durable_guard": "bulla_guard", "named_store_stream": "bulla_store_stream", "full_seal_stream": "bulla_seal_stream",
    "whole_open_stream": "bulla_open_stream", "settled_open_stream": "bulla_open_stream", "verifier": "bulla_opener",
    "full_detached_stream": "bulla_detached_stream", "holding_store": "bulla_store", "whole_armor_reader": "bulla_armor_reader",
    "full_prover": "bulla_prover", "whole_outgoing": "bulla_outgoing",
}
# The one of them without which a function cannot succeed.
MADE_FOR = {
    "bulla_store_stream_retarget": "named_store_stream",
    "bulla_seal_stream_pad": "full_seal_stream", "bulla_seal_stream_finish": "full_seal_stream",
    "bulla_open_stream_settle_provisional": "whole_open_stream", "bulla_open_stream_finish": "whole_open_stream",
    "bulla_open_stream_finish_leased": "whole_open_stream", "bulla_open_stream_refuse_leased": "settled_open_stream",
    "bulla_verify_detached": "verifier", "bulla_detached_stream_new": "verifier",
    "bulla_detached_stream_finish": "full_detached_stream", "bulla_store_held": "holding_store",
    "bulla_store_stream_resume": "holding_store", "bulla_armor_reader_finish": "whole_armor_reader",
    "bulla_prover_finish": "full_prover", "bulla_outgoing_commit": "whole_outgoing",
}
# Numbers that a function finds valid, and arguments of plain values; all other numbers are 1.
VALID = {
    ("bulla_due_list_at", "index"): "0", ("bulla_entry_list_at", "index"): "0", ("bulla_outbox_mark_sent", "index"): "0",
    ("bulla_stamp_attribute_at", "index"): "0", ("bulla_public_encryption_key", "index"): "0",
    ("bulla_identity_generation", "index"): "0", ("bulla_ranges_get", "index"): "0",
    ("bulla_ranges_add", "first"): "4", ("bulla_ranges_add", "last"): "4",
    ("bulla_store_held", "header_digest"): "abuse_long_sent().header_digest",
    ("bulla_store_stream_resume", "header_digest"): "abuse_long_sent().header_digest",
}
# Handles in another state than they are made in, where a function takes one: what it is then, the maker, and the answer of those
# that are named, which the header states.
STATES = {"bulla_store_stream": [("a stream whose name is taken", "make_named_store_stream",
                                  {"bulla_store_stream_update": "BULLA_WRONG_ORDER", "bulla_store_stream_finish": "BULLA_NAME_TAKEN"}),
                                 ("a stream whose name is not taken", "make_bulla_store_stream",
                                  {"bulla_store_stream_retarget": "BULLA_WRONG_ORDER"})]}
# Such a call ends what it is about also if it is refused for its arguments.
WHATEVER = re.compile(r"can then\s+only be freed, whatever")
# Plain values that must be what they are; all others are zero.
VALUES = {"bulla_key": "abuse_key()", "bulla_sent": "abuse_sent()", "bulla_message_id": "abuse_sent().message_id",
          "bulla_digest": "abuse_sent().header_digest", "bulla_guard_limits": "abuse_limits()",
          "bulla_encryption_key": "abuse_encryption_key()"}
# Callbacks that must do something for a call to succeed; all others only answer.
WORKING = {("bulla_source", "read"): "abuse_source_read", ("bulla_source", "length"): "abuse_source_length"}
# Callbacks that are not given together with the others.
LEFT_OUT = {("bulla_holder", "multiply")}
GREATEST = {"uint8_t": "UINT8_MAX", "uint16_t": "UINT16_MAX", "uint32_t": "UINT32_MAX", "uint64_t": "UINT64_MAX",
            "size_t": "SIZE_MAX", "int32_t": "INT32_MAX", "int64_t": "INT64_MAX", "int": "INT32_MAX", "bulla_status": "INT32_MAX"}
# What a function gives with nothing wrong where that is not BULLA_OK, and why. Anything else fails the test.
BASELINE = {
    "bulla_guard_redis": ("BULLA_INVALID_INPUT", "the library is built without Redis"),
    "bulla_guard_store_id": ("BULLA_NOTHING", "the guard is in no store"),
    "bulla_store_stream_update": ("BULLA_MORE", "the envelope goes on"),
    "bulla_receipter_damaged": ("BULLA_NOTHING", "nothing is damaged"),
    "bulla_receipter_damaged_in_store": ("BULLA_NOTHING", "nothing is damaged"),
    "bulla_receipt_reason": ("BULLA_NOTHING", "nothing was rejected"),
    "bulla_receipt_proof_reason": ("BULLA_NOTHING", "nothing was rejected"),
}
# What is otherwise with a server: guards are on it (abuse_guard()).
WITH_SERVER = {"bulla_guard_redis": ("BULLA_OK", "there is one"), "bulla_guard_store_id": ("BULLA_OK", "the guard is in a store")}
# Fields of structures that the caller fills in, and what the header does not allow there.
NOT_ALLOWED = {"bulla_redis_settings": {"connect_timeout": ("60001", "UINT32_MAX"), "response_timeout": ("60001", "UINT32_MAX"),
                                        "reserved[0]": ("1",), "reserved[2]": ("255",), "prefix": ('"{"',), "expected_store": ('""',),
                                        "root_certificates_length": ("1",), "client_key": ("endless_bytes",)}}
