#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "features/online_row.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto row = tenure::features::OnlineRow::parse(
      std::string_view(reinterpret_cast<const char*>(bytes), size));
  if (!row) return 0;
  std::vector<tenure::data::Cell> cells(row->feature_count());
  if (const auto decoded = row->decode(cells); !decoded) return 0;
  for (const auto& cell : cells) {
    // Every text must lie inside the input.
    if (cell.kind == tenure::data::Cell::Kind::kText && cell.text.size() > size) __builtin_trap();
  }
  return 0;
}
