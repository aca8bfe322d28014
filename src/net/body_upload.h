#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/page_buffer.h"
#include "core/result.h"
#include "net/body_stream.h"
#include "net/content_coding.h"
#include "net/stream_decoder.h"

namespace tenure::net {

struct Route;

/// The body of one request on its way into its sink (Route::open_body). open() and write() run on a
/// worker thread, one call at a time, and never throw; between them everything belongs to the
/// loop's thread.
class BodyUpload {
 public:
  static constexpr std::size_t kPieceMax = 256 * 1024;
  static constexpr std::size_t kSocketPiece = 1024 * 1024;

  BodyUpload();
  ~BodyUpload();

  /// Has the sink made. What went wrong is in error().
  void open(const Route& route, const Request& request, Coding coding) noexcept;

  /// Hands bytes over in pieces of at most kPieceMax, decoded. After an error the sink is gone.
  void write(std::string_view bytes, bool is_last) noexcept;

  /// From here on the body, `size` bytes of which `begun` have come, is taken from a socket by
  /// receive(), in pieces of kSocketPiece. For bodies as they are: not chunked, encrypted or coded.
  void begin_socket(std::string_view begun, std::uint64_t size);

  /// Takes what the socket has, and hands over whole pieces and the last one. Does not wait.
  void receive(int socket) noexcept;

  std::uint64_t to_receive() const { return to_receive_; }
  bool is_socket_empty() const { return is_socket_empty_; }  ///< receive() when there is more
  bool is_client_gone() const { return is_client_gone_; }

  bool is_open() const { return sink_ != nullptr; }
  BodySink* sink() const { return sink_.get(); }
  const std::optional<core::Error>& error() const { return error_; }

  /// Forgets everything; gives the sink back, so that it may be destroyed elsewhere.
  std::unique_ptr<BodySink> end();

 private:
  template <typename Work>
  void guarded(const Work& work) noexcept;
  core::Result<> hand_over(std::string_view bytes);
  core::Result<> receive_pieces(int socket);
  void fail(core::Error error);

  std::unique_ptr<BodySink> sink_;
  std::unique_ptr<StreamDecoder> decoder_;  ///< null: the bytes are as they are
  std::optional<core::Error> error_;

  core::PageBuffer piece_;  ///< kSocketPiece bytes from begin_socket() on
  std::size_t filled_ = 0;  ///< bytes in it
  std::uint64_t to_receive_ = 0;
  bool is_socket_empty_ = false;
  bool is_client_gone_ = false;
};

}  // namespace tenure::net
