/// What is known of a message.
#ifndef BULLA_MESSAGE_HPP
#define BULLA_MESSAGE_HPP

#include <map>

#include "seal.hpp"

namespace bulla {

/// The place of a message in a stream.
struct place {
    std::vector<std::uint8_t> stream;
    std::uint64_t number = 0;
};

/// What the sender signed: who, when, what for. It is a copy, and lives as long as it is kept. The signature is verified; while a
/// stream goes on, and after a refusal, nothing is known yet of the content. Attributes are data of the sender's: a file name is
/// never a path.
struct stamp {
    key signer;
    bulla::message_id message_id;
    std::string context;
    /// Empty if the sender gave none.
    std::string content_type;
    std::uint64_t issued = 0;
    std::optional<std::uint64_t> expires;
    /// Only if it was signed up front.
    std::optional<std::uint64_t> length;
    std::optional<place> sequence;
    bulla::receipts receipts = bulla::receipts::none;
    std::map<std::string, std::vector<std::uint8_t>> attributes;
};

namespace detail {

inline void attributes_of(const bulla_stamp* from, stamp& to) {
    const std::size_t count = bulla_stamp_attribute_count(from);
    for (std::size_t index = 0; index < count; ++index) {
        bulla_view name{};
        bulla_view value{};
        if (bulla_stamp_attribute_at(from, index, &name, &value, nullptr) == BULLA_OK) {
            to.attributes[text(name)] = view(value).copy();
        }
    }
}

/// None where there is no stamp (yet). It cannot fail otherwise.
inline std::optional<stamp> stamp_of(const bulla_stamp* from) {
    bulla::stamp to;
    if (from == nullptr || bulla_stamp_signer(from, &to.signer, nullptr) != BULLA_OK ||
        bulla_stamp_message_id(from, &to.message_id, nullptr) != BULLA_OK) {
        return std::nullopt;
    }
    to.context = text(bulla_stamp_context(from));
    to.content_type = text(bulla_stamp_content_type(from));
    to.issued = bulla_stamp_issued(from);
    std::uint64_t number = 0;
    if (bulla_stamp_expires(from, &number, nullptr) == BULLA_OK) {
        to.expires = number;
    }
    if (bulla_stamp_length(from, &number, nullptr) == BULLA_OK) {
        to.length = number;
    }
    bulla_view stream{};
    if (bulla_stamp_sequence(from, &stream, &number, nullptr) == BULLA_OK) {
        to.sequence = place{view(stream).copy(), number};
    }
    to.receipts = static_cast<bulla::receipts>(bulla_stamp_receipts(from));
    attributes_of(from, to);
    return to;
}

} // namespace detail

/// A message that passed every check.
class message {
  public:
    /// Whether freshness was checked: not for messages from an archive.
    [[nodiscard]] bool is_fresh() const noexcept { return bulla_message_is_fresh(handle_.get()) != 0; }
    [[nodiscard]] const bulla::stamp& stamp() const noexcept { return stamp_; }
    [[nodiscard]] std::uint64_t content_length() const noexcept { return bulla_message_content_length(handle_.get()); }
    [[nodiscard]] result<digest> content_digest() const {
        return detail::got<digest, bulla_digest>(
            [&](auto* out, auto* why) { return bulla_message_content_digest(handle_.get(), out, why); });
    }
    /// Names this very envelope.
    [[nodiscard]] result<digest> header_digest() const {
        return detail::got<digest, bulla_digest>(
            [&](auto* out, auto* why) { return bulla_message_header_digest(handle_.get(), out, why); });
    }
    /// Proof of author, claimed time, context and content, that a third party can check (evidence::check()).
    [[nodiscard]] result<buffer> evidence() const {
        return detail::filled([&](auto* out, auto* why) { return bulla_message_evidence(handle_.get(), out, why); });
    }

    message(message&&) noexcept = default;
    message& operator=(message&&) noexcept = default;
    message(const message&) = delete;
    message& operator=(const message&) = delete;
    ~message() = default;

  private:
    friend detail::access;
    friend class answer;
    explicit message(bulla_message* handle) : message(std::shared_ptr<const bulla_message>(handle, &bulla_message_free_of)) {}
    // Part of something that lives as long as this.
    explicit message(std::shared_ptr<const bulla_message> part)
        : handle_(std::move(part)), stamp_(detail::stamp_of(bulla_message_stamp(handle_.get())).value_or(bulla::stamp())) {}
    static void bulla_message_free_of(const bulla_message* handle) noexcept {
        bulla_message_free(const_cast<bulla_message*>(handle));
    }
    std::shared_ptr<const bulla_message> handle_;
    bulla::stamp stamp_;
};

/// A message, and its content.
struct opened {
    buffer content;
    bulla::message message;
};

} // namespace bulla

#endif
