#include "net/stream_decoder.h"

#include <algorithm>
#include <new>
#include <zlib.h>

namespace tenure::net {
namespace {

constexpr std::size_t kRoom = 256 * 1024;
constexpr std::size_t kLead = 2;

core::Error malformed() {
  return {core::ErrorCode::kInvalidArgument, "The body is not what its Content-Encoding says"};
}

/// RFC 1950: the method is 8, and the two bytes are a multiple of 31.
bool has_zlib_header(std::string_view in) {
  const unsigned first = static_cast<unsigned char>(in[0]);
  const unsigned second = static_cast<unsigned char>(in[1]);
  return (first & 0x0F) == 8 && (first * 256 + second) % 31 == 0;
}

}  // namespace

StreamDecoder::StreamDecoder(Coding coding) : coding_(coding) {}

StreamDecoder::~StreamDecoder() {
  if (stream_) inflateEnd(stream_.get());
}

core::Result<> StreamDecoder::begin() {
  constexpr int kGzipBits = 15 + 16, kZlibBits = 15, kBareBits = -15;
  const int zlib_bits = has_zlib_header(lead_) ? kZlibBits : kBareBits;
  auto stream = std::make_unique<z_stream>();
  if (inflateInit2(stream.get(), coding_ == Coding::kGzip ? kGzipBits : zlib_bits) != Z_OK)
    throw std::bad_alloc();
  stream_ = std::move(stream);
  out_ = std::make_unique_for_overwrite<char[]>(kRoom);
  return {};
}

core::Result<> StreamDecoder::write(std::string_view bytes, const Take& take) {
  if (stream_) return inflate_all(bytes, take);
  const std::size_t more = std::min(bytes.size(), kLead - lead_.size());
  lead_ += bytes.substr(0, more);
  if (lead_.size() < kLead) return {};
  if (auto begun = begin(); !begun) return begun;
  if (auto done = inflate_all(lead_, take); !done) return done;
  return inflate_all(bytes.substr(more), take);
}

core::Result<> StreamDecoder::inflate_all(std::string_view bytes, const Take& take) {
  z_stream& stream = *stream_;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib reads only
  stream.avail_in = static_cast<uInt>(bytes.size());
  bool is_full = true;
  while (stream.avail_in > 0 || is_full) {
    if (is_at_end_) {
      if (stream.avail_in == 0) return {};
      // RFC 1952 section 2.2: a gzip file is one member or more.
      if (coding_ != Coding::kGzip || inflateReset(&stream) != Z_OK) return malformed();
      is_at_end_ = false;
    }
    stream.next_out = reinterpret_cast<Bytef*>(out_.get());
    stream.avail_out = static_cast<uInt>(kRoom);
    const int code = inflate(&stream, Z_NO_FLUSH);
    // No progress is no error when everything was taken and given.
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return malformed();
    is_at_end_ = code == Z_STREAM_END;
    is_full = stream.avail_out == 0;
    const std::size_t size = kRoom - stream.avail_out;
    if (size == 0 && code == Z_BUF_ERROR && stream.avail_in > 0) return malformed();
    if (size == 0) continue;
    if (auto taken = take({out_.get(), size}); !taken) return taken;
  }
  return {};
}

core::Result<> StreamDecoder::finish() const {
  if (is_at_end_ || (!stream_ && lead_.empty())) return {};
  return malformed();
}

}  // namespace tenure::net
