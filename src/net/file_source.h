#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "core/result.h"
#include "net/body_stream.h"
#include "net/byte_range.h"

namespace tenure::net {

/// A part of a file as the body of an answer. What is appended to the file meanwhile is not sent;
/// when it has become shorter the answer breaks off.
class FileSource final : public BodySource {
 public:
  /// Takes the open file `handle` and closes it at the end.
  FileSource(int handle, ByteRange range);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  /// All of a file. Errors: kNotFound; kPermissionDenied; kInvalidArgument for what is no plain
  /// file; kUnavailable for other I/O errors.
  static core::Result<std::unique_ptr<FileSource>> open(const std::filesystem::path& path);

  std::uint64_t size() const override { return size_; }
  core::Result<std::size_t> read(std::span<char> out) override;
  std::optional<FilePart> file_part() const override { return FilePart{handle_, offset_, left_}; }

 private:
  int handle_;
  std::uint64_t offset_;
  std::uint64_t left_;
  std::uint64_t size_;
};

/// A text as the body of an answer, for what is made in memory, and for tests.
class TextSource final : public BodySource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  std::uint64_t size() const override { return text_.size(); }
  core::Result<std::size_t> read(std::span<char> out) override;

 private:
  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace tenure::net
