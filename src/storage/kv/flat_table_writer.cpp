#include "storage/kv/flat_table_writer.h"

#include <cerrno>
#include <fcntl.h>
#include <new>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "core/file.h"
#include "storage/disk_space.h"

namespace tenure::storage {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{2} << 20;

/// Three of four slots are used at most: a search then ends within one or two cache lines.
std::uint64_t slots_for(std::uint64_t entries) {
  return entries + entries / 3 + 2;
}

}  // namespace

FlatTableWriter::FlatTableWriter(std::filesystem::path file, std::uint64_t id)
    : file_(std::move(file)), unfinished_(core::unfinished_path(file_)) {
  header_.id = id;
}

core::Result<FlatTableWriter> FlatTableWriter::make(std::filesystem::path file, std::uint64_t id,
                                                    std::uint64_t entry_max) {
  if (slots_for(entry_max) >= (std::uint64_t{1} << 32)) {
    return core::Error{
        core::ErrorCode::kResourceExhausted,
        fmt::format("{}: a flat table has up to three thousand million entries", file.string())};
  }
  FlatTableWriter writer(std::move(file), id);
  try {
    writer.index_.assign(slots_for(entry_max), 0);
    writer.buffer_.reserve(kPieceBytes);
  } catch (const std::bad_alloc&) {
    return core::Error{
        core::ErrorCode::kResourceExhausted,
        fmt::format("{}: no memory for the index of {} entries", writer.file_.string(), entry_max)};
  }
  writer.descriptor_ = core::Descriptor(
      ::open(writer.unfinished_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!writer.descriptor_.is_open())
    return core::system_error(errno, "cannot create", writer.unfinished_);
  // Room for the header, which is only known at the end.
  writer.buffer_.assign(FlatTable::kRowsBegin, '\0');
  return writer;
}

FlatTableWriter::~FlatTableWriter() {
  if (!descriptor_.is_open()) return;
  std::error_code ignored;  // what stays is removed by the next settling of the store
  std::filesystem::remove(unfinished_, ignored);
}

core::Error FlatTableWriter::failed() const {
  const int number = errno;
  if (number == EIO && has_no_room(unfinished_))
    return core::system_error(ENOSPC, "cannot write", unfinished_);
  return core::system_error(number, "cannot write", unfinished_);
}

core::Result<> FlatTableWriter::write_out() {
  if (!core::write_all(descriptor_.get(), buffer_)) return failed();
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

core::Result<> FlatTableWriter::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kPieceBytes - buffer_.size());
    buffer_ += part;
    bytes.remove_prefix(part.size());
    if (buffer_.size() < kPieceBytes) continue;
    if (auto written = write_out(); !written) return written;
  }
  return {};
}

core::Result<> FlatTableWriter::append_words(const std::vector<std::uint64_t>& words) {
  return append({reinterpret_cast<const char*>(words.data()), words.size() * sizeof(words[0])});
}

core::Result<> FlatTableWriter::add(std::string_view key, std::string_view value) {
  const std::uint64_t offset = place();
  if (const std::uint64_t block = offset / FlatTable::kBlockBytes + 1; block != block_) {
    block_ = block;
    directory_.push_back(offset);
  }
  const std::uint64_t hash = FlatTable::hash(key);
  std::uint64_t at = FlatTable::first_slot(hash, index_.size());
  while (index_[at] != 0) at = at + 1 == index_.size() ? 0 : at + 1;
  index_[at] = FlatTable::slot(hash, offset);
  ++header_.entry_count;

  const std::uint64_t sizes = key.size() | (std::uint64_t{value.size()} << 32);
  if (auto done = append({reinterpret_cast<const char*>(&sizes), sizeof sizes}); !done) return done;
  if (auto done = append(key); !done) return done;
  if (auto done = append(value); !done) return done;
  constexpr std::string_view kPadding("\0\0\0\0\0\0\0", FlatTable::kAlignment - 1);
  return append(kPadding.substr(0, (0 - place()) % FlatTable::kAlignment));
}

core::Result<> FlatTableWriter::finish() && {
  header_.rows_end = place();
  header_.directory_begin = place();
  header_.directory_count = directory_.size();
  if (auto done = append_words(directory_); !done) return done;
  header_.index_begin = place();
  header_.index_count = index_.size();
  if (auto done = append_words(index_); !done) return done;
  if (auto done = write_out(); !done) return done;
  if (!core::write_all_at(descriptor_.get(), encode_flat_header(header_), 0)) return failed();
  if (auto done = core::publish_file(unfinished_, file_); !done) return done;
  descriptor_.close();
  return {};
}

}  // namespace tenure::storage
