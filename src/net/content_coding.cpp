#include "net/content_coding.h"

#include <algorithm>
#include <limits>
#include <new>
#include <zlib.h>

#include "core/ascii_case.h"

namespace tenure::net {
namespace {

constexpr std::uint64_t kAlwaysAllowed = 1024 * 1024;  ///< decoded bytes that are no bomb
constexpr std::uint64_t kRatioMax = 200;
constexpr std::size_t kFirstStep = 16 * 1024;
constexpr int kGzipBits = 15 + 16, kZlibBits = 15, kBareBits = -15;

std::string_view trimmed(std::string_view text) {
  const std::size_t from = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(from);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view item = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trimmed(item);
}

bool is_gzip(std::string_view name) {
  return core::equals_ignoring_case(name, "gzip") || core::equals_ignoring_case(name, "x-gzip");
}

/// "0.5" → 500; at most three digits follow the point (RFC 9110 section 12.4.2). Malformed is 0.
int thousandths(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  int value = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return 0;
  int unit = 100;
  for (std::size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') return 0;
    value += (text[i] - '0') * unit;
  }
  return std::min(value, 1000);
}

/// The q-value among the parameters of one item, in thousandths.
int quality_of(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view value = take_until(parameters, ';');
    const std::string_view name = take_until(value, '=');
    if (core::equals_ignoring_case(name, "q")) return thousandths(trimmed(value));
  }
  return 1000;
}

/// RFC 1950: the method is 8, and the two bytes are a multiple of 31.
bool has_zlib_header(std::string_view in) {
  if (in.size() < 2) return false;
  const unsigned first = static_cast<unsigned char>(in[0]);
  const unsigned second = static_cast<unsigned char>(in[1]);
  return (first & 0x0F) == 8 && (first * 256 + second) % 31 == 0;
}

Bytef* mutable_bytes(const char* bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes));  // zlib reads them only
}

/// A zlib stream that ends itself.
class Inflater {
 public:
  explicit Inflater(int bits) {
    if (inflateInit2(&stream_, bits) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

class Deflater {
 public:
  explicit Deflater(int bits) {
    constexpr int kMemoryLevel = 8;
    if (deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, bits, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
        Z_OK)
      throw std::bad_alloc();
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

NamedCoding coding_of(std::string_view content_encoding) {
  const std::string_view name = trimmed(content_encoding);
  if (name.empty() || core::equals_ignoring_case(name, "identity")) return {};
  if (is_gzip(name)) return {Coding::kGzip, true};
  if (core::equals_ignoring_case(name, "deflate")) return {Coding::kDeflate, true};
  return {Coding::kIdentity, false};
}

Coding choose_coding(std::string_view accept_encoding) {
  constexpr int kNotNamed = -1;
  int gzip = kNotNamed, deflate = kNotNamed, any = kNotNamed, identity = kNotNamed;
  while (!accept_encoding.empty()) {
    std::string_view item = take_until(accept_encoding, ',');
    const std::string_view name = take_until(item, ';');
    const int quality = quality_of(item);
    if (is_gzip(name)) gzip = quality;
    if (core::equals_ignoring_case(name, "deflate")) deflate = quality;
    if (core::equals_ignoring_case(name, "identity")) identity = quality;
    if (name == "*") any = quality;
  }
  if (gzip == kNotNamed) gzip = std::max(any, 0);
  if (deflate == kNotNamed) deflate = std::max(any, 0);
  const int best = std::max(gzip, deflate);
  if (best <= 0 || best < identity) return Coding::kIdentity;
  return gzip >= deflate ? Coding::kGzip : Coding::kDeflate;
}

std::string_view coding_name(Coding coding) {
  switch (coding) {
    case Coding::kGzip:
      return "gzip";
    case Coding::kDeflate:
      return "deflate";
    case Coding::kIdentity:
      break;
  }
  return "identity";
}

DecodeOutcome decode(Coding coding, std::string_view in, std::uint64_t size_max,
                     const std::function<bool(std::uint64_t)>& take_room, std::string& out) {
  out.clear();
  if (in.size() > std::numeric_limits<uInt>::max()) return DecodeOutcome::kTooLarge;
  const std::uint64_t limit = std::min(
      size_max, std::max(kAlwaysAllowed, static_cast<std::uint64_t>(in.size()) * kRatioMax));
  const int zlib_bits = has_zlib_header(in) ? kZlibBits : kBareBits;
  Inflater inflater(coding == Coding::kGzip ? kGzipBits : zlib_bits);
  z_stream& stream = inflater.stream();
  stream.next_in = mutable_bytes(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  std::size_t step = kFirstStep;
  for (;;) {
    // One byte more than allowed tells a body that just fits from one that does not.
    const std::size_t room =
        static_cast<std::size_t>(std::min<std::uint64_t>(step, limit + 1 - out.size()));
    if (room == 0) return DecodeOutcome::kTooLarge;
    if (!take_room(out.size() + room)) return DecodeOutcome::kNoRoom;
    const std::size_t before = out.size();
    out.resize(before + room);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (out.size() > limit) return DecodeOutcome::kTooLarge;
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0) return DecodeOutcome::kDone;
      // RFC 1952 section 2.2: a gzip file is one member or more.
      if (coding != Coding::kGzip || inflateReset(&stream) != Z_OK)
        return DecodeOutcome::kMalformed;
      continue;
    }
    if (code != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0))
      return DecodeOutcome::kMalformed;
    step = std::min<std::size_t>(step * 2, kAlwaysAllowed);
  }
}

bool encode(Coding coding, std::string_view in, std::string& out) {
  if (coding == Coding::kIdentity || in.size() > std::numeric_limits<uInt>::max()) return false;
  Deflater deflater(coding == Coding::kGzip ? kGzipBits : kZlibBits);
  z_stream& stream = deflater.stream();
  // What does not fit into less than the original is not worth its head.
  out.resize(in.size());
  stream.next_in = mutable_bytes(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool is_done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(is_done ? out.size() - stream.avail_out : 0);
  return is_done;
}

}  // namespace tenure::net
