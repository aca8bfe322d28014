#include "storage/kv/flat_table.h"

#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/descriptor.h"
#include "core/file.h"

namespace tenure::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is little endian, and mapped");

constexpr std::string_view kMagic = "TNFLAT01";
constexpr std::size_t kFieldsSize = 8 + 7 * 8;
constexpr std::uint64_t kOffsetMask = (std::uint64_t{1} << FlatTable::kOffsetBits) - 1;

std::uint64_t word_at(const char* bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

void append_word(std::uint64_t value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

bool is_array_inside(std::uint64_t begin, std::uint64_t count, std::uint64_t file_bytes) {
  return begin % 8 == 0 && begin <= file_bytes && count <= (file_bytes - begin) / 8;
}

}  // namespace

std::uint64_t FlatTable::hash(std::string_view key) {
  // Multiplications spread upwards, the shifts downwards; the constants are those of splitmix64.
  constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;
  std::uint64_t hash = key.size() * kStep;
  const auto mix = [&hash](std::uint64_t next) {
    hash = (hash ^ next) * 0xbf58476d1ce4e5b9;
    hash ^= hash >> 29;
  };
  while (key.size() >= 8) {
    mix(word_at(key.data()));
    key.remove_prefix(8);
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, key.data(), key.size());
  mix(rest);
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
  return hash ^ (hash >> 31);
}

std::string encode_flat_header(const FlatTableHeader& header) {
  std::string bytes(kMagic);
  for (const std::uint64_t field :
       {header.id, header.entry_count, header.rows_end, header.directory_begin,
        header.directory_count, header.index_begin, header.index_count})
    append_word(field, bytes);
  append_word(FlatTable::hash(bytes), bytes);
  bytes.resize(FlatTable::kRowsBegin, '\0');
  return bytes;
}

core::Result<FlatTableHeader> decode_flat_header(std::string_view bytes, std::uint64_t file_bytes) {
  const auto bad = [](std::string_view reason) {
    return core::Error{core::ErrorCode::kCorruption, fmt::format("it {}", reason)};
  };
  if (bytes.size() < FlatTable::kRowsBegin) return bad("is shorter than its header");
  if (!bytes.starts_with(kMagic)) return bad("is no flat table of this version");
  if (FlatTable::hash(bytes.substr(0, kFieldsSize)) != word_at(bytes.data() + kFieldsSize))
    return bad("has a damaged header");
  FlatTableHeader header;
  const char* at = bytes.data() + kMagic.size();
  for (std::uint64_t* const field :
       {&header.id, &header.entry_count, &header.rows_end, &header.directory_begin,
        &header.directory_count, &header.index_begin, &header.index_count}) {
    *field = word_at(at);
    at += sizeof(std::uint64_t);
  }
  const bool is_whole =
      header.rows_end >= FlatTable::kRowsBegin && header.rows_end <= file_bytes &&
      is_array_inside(header.directory_begin, header.directory_count, file_bytes) &&
      is_array_inside(header.index_begin, header.index_count, file_bytes) &&
      header.index_count > header.entry_count && header.index_count < (std::uint64_t{1} << 32);
  if (!is_whole) return bad("is cut off, or names places outside of it");
  return header;
}

core::Result<std::shared_ptr<const FlatTable>> FlatTable::open(const std::filesystem::path& file) {
  auto table = std::make_shared<FlatTable>(file);
  if (auto mapped = table->map(); !mapped) return std::move(mapped).error();
  return std::shared_ptr<const FlatTable>(std::move(table));
}

core::Result<> FlatTable::map() {
  const core::Descriptor file(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return core::system_error(errno, "cannot open", file_);
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return core::system_error(errno, "cannot read", file_);
  const auto size = static_cast<std::size_t>(found.st_size);
  if (size < kRowsBegin) return damaged();
  void* const place = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (place == MAP_FAILED) return core::system_error(errno, "cannot map", file_);
  bytes_ = {static_cast<const char*>(place), size};
  // Look-ups are random; reading ahead would push useful pages out of memory.
  ::madvise(place, size, MADV_RANDOM);
  auto header = decode_flat_header(bytes_, size);
  if (!header) return std::move(header).error().within(file_.string());
  header_ = *header;
  return {};
}

FlatTable::~FlatTable() {
  if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

core::Error FlatTable::damaged() const {
  return core::Error{core::ErrorCode::kCorruption,
                     fmt::format("{} is damaged: remove the store's folder and materialize again",
                                 file_.string())};
}

std::uint64_t FlatTable::word(std::uint64_t offset) const {
  return word_at(bytes_.data() + offset);
}

FlatTable::Answer FlatTable::read(std::uint64_t offset, Row& row) const {
  const std::uint64_t end = header_.rows_end;
  if (offset == end) return Answer::kUnknown;
  if (offset < kRowsBegin || offset > end || end - offset < kRowHeader) return Answer::kDamaged;
  const std::uint64_t sizes = word(offset);
  const std::uint64_t key_size = sizes & 0xffff'ffff;
  const std::uint64_t value_size = sizes >> 32;
  const std::uint64_t size = kRowHeader + key_size + value_size;
  const std::uint64_t padded = (size + kAlignment - 1) / kAlignment * kAlignment;
  if (end - offset < padded) return Answer::kDamaged;
  row.key = bytes_.substr(offset + kRowHeader, key_size);
  row.value = bytes_.substr(offset + kRowHeader + key_size, value_size);
  row.next = offset + padded;
  return Answer::kFound;
}

FlatTable::Answer FlatTable::find(std::string_view key, Row& row) const {
  const std::uint64_t count = header_.index_count;
  const std::uint64_t wanted = hash(key);
  std::uint64_t at = first_slot(wanted, count);
  for (std::uint64_t step = 0; step < count; ++step) {
    const std::uint64_t found = word(header_.index_begin + at * 8);
    if (found == 0) return Answer::kUnknown;
    if (((found ^ slot(wanted, 0)) & ~kOffsetMask) == 0) {
      const Answer answer = read((found & kOffsetMask) * kAlignment, row);
      if (answer != Answer::kFound) return Answer::kDamaged;
      if (row.key == key) return answer;
    }
    at = at + 1 == count ? 0 : at + 1;
  }
  return Answer::kDamaged;  // a whole index has free slots
}

FlatTable::Answer FlatTable::lower_bound(std::string_view key, Row& row) const {
  // The last block whose first key is not above, then row by row.
  std::uint64_t from = 0;
  std::uint64_t until = header_.directory_count;
  while (from < until) {
    const std::uint64_t middle = from + (until - from) / 2;
    if (read(word(header_.directory_begin + middle * 8), row) != Answer::kFound)
      return Answer::kDamaged;
    if (row.key < key) {
      from = middle + 1;
    } else {
      until = middle;
    }
  }
  std::uint64_t offset = from == 0 ? begin() : word(header_.directory_begin + (from - 1) * 8);
  for (;;) {
    const Answer answer = read(offset, row);
    if (answer != Answer::kFound || row.key >= key) return answer;
    offset = row.next;
  }
}

std::span<const char> FlatTable::warm_bytes() const {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t memory = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page;
  const std::uint64_t from = bytes_.size() <= memory / 2 ? 0 : header_.index_begin / page * page;
  return {bytes_.data() + from, bytes_.size() - from};
}

}  // namespace tenure::storage
