#include <string>
#include <utility>

#include <fmt/core.h>

#include "core/file.h"
#include "data/parquet_file.h"
#include "data/telco_timeline.h"

namespace tenure::data {

core::Result<> write_telco_timeline(Engine& engine, const TelcoTimeline& timeline,
                                    const std::filesystem::path& folder) {
  if (auto made = core::make_directories(folder); !made) return made;
  const std::pair<std::string_view, const Table*> parts[] = {{"snapshots", &timeline.snapshots},
                                                             {"labels", &timeline.labels},
                                                             {"events", &timeline.events}};
  for (const auto& [name, table] : parts) {
    const std::filesystem::path target = folder / fmt::format("{}.parquet", name);
    if (table->row_count() == 0) {
      // That of an earlier time line would be taken for a part of this one.
      std::error_code error;
      std::filesystem::remove(target, error);
      if (error) return core::system_error(error.value(), "cannot remove", target);
      continue;
    }
    const std::string scratch = quote_identifier(fmt::format("telco_timeline_{}", name));
    if (auto made = engine.create_table(fmt::format("telco_timeline_{}", name), *table); !made)
      return made;
    auto written = write_parquet(engine, "SELECT * FROM " + scratch, target, "zstd");
    auto dropped = engine.execute("DROP TABLE " + scratch);
    if (!written) return written;
    if (!dropped) return dropped;
  }
  return core::sync_directory(folder);
}

}  // namespace tenure::data
