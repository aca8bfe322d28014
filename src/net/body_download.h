#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "net/body_stream.h"

namespace tenure::net {

/// The body of one answer while it is sent (Response::source): a worker thread reads the next piece
/// while the loop sends the one before, so there are never more than two. The owner sees to it that
/// read() runs on one thread at a time and that its end is told the loop by read_done(); everything
/// else belongs to the loop's thread. A part of a file may be sent by the kernel instead, with no
/// piece in memory: begin_file(), then begin_send() and send() in place of those of reading.
class BodyDownload {
 public:
  static constexpr std::size_t kPieceMax = 256 * 1024;

  void begin(std::unique_ptr<BodySource> source, std::uint64_t size);

  /// As begin; the body is this part of a file, and goes to a socket that is not encrypted.
  void begin_file(std::unique_ptr<BodySource> source, const FilePart& part);
  bool is_file() const { return file_.has_value(); }
  /// True when send() should be called now, of which this is the announcement.
  bool begin_send();
  void send(int socket) noexcept;  ///< on a worker thread; read_done() ends it
  /// The socket took no more: send() when it has room.
  bool is_blocked() const { return !is_reading_ && is_blocked_; }

  /// Pieces are still to be taken. False as well when there never was a body.
  bool is_open() const { return left_ > 0; }
  bool is_empty() const { return !source_ && !current_.bytes && !next_.bytes; }
  // is_reading_ comes first: until the end of read() is told, the rest is the worker's.
  bool has_failed() const { return !is_reading_ && has_failed_; }
  bool is_ready() const { return !is_reading_ && next_.size > 0; }

  /// The next piece, which is_ready(). Its bytes stay until the next take() or end().
  std::string_view take();

  /// True when read() should be called now, of which this is the announcement.
  bool begin_read();
  void read() noexcept;  ///< on a worker thread
  void read_done();

  /// Forgets everything; gives the source back, so that it may be destroyed elsewhere.
  std::unique_ptr<BodySource> end();

 private:
  struct Piece {
    std::unique_ptr<char[]> bytes;
    std::size_t room = 0;
    std::size_t size = 0;
  };
  void fill();
  void send_file(int socket);

  std::unique_ptr<BodySource> source_;
  std::uint64_t left_ = 0;    ///< bytes that were not taken yet
  std::uint64_t unread_ = 0;  ///< bytes that were not read yet
  Piece current_, next_;
  std::optional<FilePart> file_;
  bool is_blocked_ = false;
  bool is_reading_ = false;
  bool has_failed_ = false;
};

}  // namespace tenure::net
