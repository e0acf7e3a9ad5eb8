#pragma once

#include <msgpack.hpp>

#include "reki/actor/pack.hpp"

/// What msgpack-cxx knows and reki does not, in messages: types with MSGPACK_DEFINE, MSGPACK_ADD_ENUM or an adaptor of the
/// user's own, std::variant, std::unique_ptr... And the other way round, structs with `fields` inside of such types.
namespace reki::detail {

/// What msgpack::packer writes to.
struct BytesSink {
  Bytes* out;
  // NOLINTNEXTLINE(readability-make-member-function-const): msgpack-cxx takes no const one
  void write(const char* data, std::size_t size) { out->append(data, size); }
};

/// Bounds for bytes from outside: msgpack-cxx has none of its own, and five bytes can ask for 100 GB.
inline msgpack::unpack_limit unpack_limits() {
  return {limits::decode_items_max,  limits::decode_items_max,  limits::message_bytes_max,
          limits::message_bytes_max, limits::message_bytes_max, limits::decode_depth_max};
}

/// Thrown through msgpack-cxx's converters and caught in `read`.
struct FieldError : msgpack::type_error {
  Error error;
  explicit FieldError(Error e) : error(std::move(e)) {}
  const char* what() const noexcept override { return error.text.c_str(); }
};

template <class T>
  requires(sizeof(T) != 0)
struct ByMsgpackCxx<T> {
  static void write(MsgpackWriter& out, const T& value) {
    BytesSink sink{&out.bytes()};
    msgpack::packer<BytesSink> packer(sink);
    packer.pack(value);
  }
  static bool read(Unpacker& in, T& out) {
    const BytesView bytes = in.rest();
    try {
      std::size_t used = 0;
      const auto handle = msgpack::unpack(bytes.data(), bytes.size(), used, nullptr, nullptr, unpack_limits());
      handle.get().convert(out);
      in.advance(used);
      return true;
    } catch (const FieldError& e) {
      return in.fail(e.error.code, e.error.text);
    } catch (const msgpack::size_overflow& e) {
      return in.fail(ErrorCode::too_large, std::string{"a value exceeds the decoding limits: "} + e.what());
    } catch (const msgpack::type_error&) {
      return in.fail(ErrorCode::malformed_message, {});
    } catch (const std::exception& e) {
      return in.fail(ErrorCode::malformed_message, e.what());
    }
  }
};

}  // namespace reki::detail

namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(MSGPACK_DEFAULT_API_NS) {
  namespace adaptor {

  template <class T>
  concept RekiStruct = reki::HasFields<T> || reki::detail::EmptyMessage<T>;

  template <RekiStruct T>
  struct pack<T> {
    template <class Stream>
    packer<Stream>& operator()(packer<Stream>& out, const T& value) const {
      if constexpr (reki::HasFields<T>) {
        out.pack_array(static_cast<std::uint32_t>(std::remove_cvref_t<decltype(T::fields)>::count));
        reki::for_each_field<T>([&](std::string_view, auto member) { out.pack(value.*member); });
      } else {
        out.pack_array(0);
      }
      return out;
    }
  };

  template <RekiStruct T>
  struct convert<T> {
    const msgpack::object& operator()(const msgpack::object& from, T& value) const {
      // By way of bytes, so that there is one reader of structs. Rare, and small.
      reki::Bytes bytes;
      reki::detail::BytesSink sink{&bytes};
      msgpack::packer<reki::detail::BytesSink> packer(sink);
      packer.pack(from);
      auto got = reki::unpack<T>(bytes);
      if (!got) throw reki::detail::FieldError(std::move(got).error());
      value = std::move(*got);
      return from;
    }
  };

  }  // namespace adaptor
}
}  // namespace msgpack
