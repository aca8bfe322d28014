#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "net/content_coding.h"

struct z_stream_s;

namespace tenure::net {

/// Decodes a body of gzip or deflate while it arrives, in memory that does not grow. "deflate" is
/// zlib's format, or bare deflate, which some clients send instead. Not thread-safe.
class StreamDecoder {
 public:
  using Take = std::function<core::Result<>(std::string_view)>;

  explicit StreamDecoder(Coding coding);  ///< gzip or deflate
  ~StreamDecoder();
  StreamDecoder(const StreamDecoder&) = delete;
  StreamDecoder& operator=(const StreamDecoder&) = delete;

  /// Gives `take` what `bytes` decode to, piece by piece. Errors: kInvalidArgument for what is not
  /// of that coding; those of `take`. After one the decoder is of no more use.
  core::Result<> write(std::string_view bytes, const Take& take);

  /// After the last byte. kInvalidArgument when the body was cut off; one without a byte is empty.
  core::Result<> finish() const;

 private:
  core::Result<> begin();
  core::Result<> inflate_all(std::string_view bytes, const Take& take);

  Coding coding_;
  std::unique_ptr<z_stream_s> stream_;  ///< null: too little has come to begin
  std::string lead_;                    ///< the bytes that tell zlib from bare deflate
  std::unique_ptr<char[]> out_;
  bool is_at_end_ = false;
};

}  // namespace tenure::net
