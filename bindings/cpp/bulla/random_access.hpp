/// Reading sealed files at any place.
#ifndef BULLA_RANDOM_ACCESS_HPP
#define BULLA_RANDOM_ACCESS_HPP

#include "open.hpp"

namespace bulla {

/// Where the library reads from, at any place: a store of the host's own. What it throws counts as a failure (BULLA_IO).
class source {
  public:
    source() = default;
    source(const source&) = delete;
    source& operator=(const source&) = delete;
    virtual ~source() = default;
    /// Puts at most `length` bytes into `memory`, and tells how many; 0 only at the end. Nothing: it failed.
    virtual std::optional<std::size_t> read(std::uint64_t offset, std::uint8_t* memory, std::size_t length) = 0;
    virtual std::optional<std::uint64_t> length() = 0;
};

namespace detail {

/// Reads a piece; none at the end.
template <class Call> result<std::optional<buffer>> piece(Call&& call) {
    auto out = buffer::make();
    if (!out) {
        return out.error();
    }
    return answered<std::optional<buffer>>([&](bulla_error* why) { return call(raw(*out), why); },
                                           [&](bulla_status code) -> result<std::optional<buffer>> {
                                               return code == BULLA_NOTHING ? std::optional<buffer>()
                                                                            : std::optional<buffer>(*std::move(out));
                                           });
}

struct source_calls {
    static bulla_status read(void* context, std::uint64_t offset, std::uint8_t* memory, std::size_t length,
                             std::size_t* done) noexcept {
        return contained<bulla_status>(BULLA_IO, [&]() -> bulla_status {
            const auto count = static_cast<source*>(context)->read(offset, memory, length);
            if (!count) {
                return BULLA_IO;
            }
            *done = *count;
            return BULLA_OK;
        });
    }
    static bulla_status length(void* context, std::uint64_t* length) noexcept {
        return contained<bulla_status>(BULLA_IO, [&]() -> bulla_status {
            const auto count = static_cast<source*>(context)->length();
            if (!count) {
                return BULLA_IO;
            }
            *length = *count;
            return BULLA_OK;
        });
    }
};

} // namespace detail

/// A sealed file that was verified as a whole. Keep the file where no co-recipient can write.
class verified_file {
  public:
    /// At most `length` bytes from `offset` on; fewer only at the end, and none past it.
    result<std::optional<buffer>> read(std::uint64_t offset, std::size_t length) {
        return detail::piece(
            [&](auto* out, auto* why) { return bulla_verified_file_read(handle_.get(), offset, length, out, why); });
    }

  private:
    friend detail::access;
    explicit verified_file(bulla_verified_file* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_verified_file, &bulla_verified_file_free> handle_;
};

/// What verifying a file gave.
struct verified {
    verified_file file;
    bulla::message message;
};

/// A sealed file whose stamp is verified and judged. What it gives is provisional: do not act on it.
class provisional_file {
  public:
    static result<provisional_file> open(const opener& by, std::string_view file) {
        const detail::text_of name(file);
        if (!name.whole()) {
            return name.cut();
        }
        return detail::made<provisional_file, bulla_provisional_file>(
            [&](auto** out, auto* why) { return bulla_provisional_file_open(detail::raw(by), name.get(), out, why); });
    }
    static result<provisional_file> open(const opener& by, std::unique_ptr<source> from) {
        bulla_source functions{};
        functions.size = sizeof functions;
        functions.context = from.get();
        functions.drop = &detail::drop<source>;
        functions.read = from ? &detail::source_calls::read : nullptr;
        functions.length = from ? &detail::source_calls::length : nullptr;
        return detail::given(from, detail::made<provisional_file, bulla_provisional_file>([&](auto** out, auto* why) {
                                 return bulla_provisional_file_of_source(detail::raw(by), &functions, out, why);
                             }));
    }
    /// None after verify().
    [[nodiscard]] std::optional<bulla::stamp> stamp() const {
        return detail::stamp_of(bulla_provisional_file_stamp(handle_.get()));
    }
    [[nodiscard]] std::uint64_t content_length() const noexcept { return bulla_provisional_file_content_length(handle_.get()); }
    /// At most `length` provisional bytes from `offset` on; fewer only at the end, and none past it.
    result<std::optional<buffer>> read_provisional(std::uint64_t offset, std::size_t length) {
        return detail::piece(
            [&](auto* out, auto* why) { return bulla_provisional_file_read(handle_.get(), offset, length, out, why); });
    }
    /// Reads the whole file once, and claims the message from the guard. If this fails, throw away all that was read.
    result<verified> verify() {
        bulla_verified_file* file = nullptr;
        bulla_message* known = nullptr;
        return detail::answered<verified>(
            [&](auto* why) { return bulla_provisional_file_verify(handle_.get(), &file, &known, why); },
            [&](bulla_status code) -> result<verified> {
                return code == BULLA_OK ? result<verified>(verified{detail::access::from<verified_file>(file),
                                                                    detail::access::from<bulla::message>(known)})
                                        : result<verified>(detail::unexpected(code));
            });
    }

  private:
    friend detail::access;
    explicit provisional_file(bulla_provisional_file* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_provisional_file, &bulla_provisional_file_free> handle_;
};

} // namespace bulla

#endif
