#pragma once

#include <cstdint>
#include <vector>

#include "core/result.h"
#include "data/table.h"
#include "features/definition.h"
#include "storage/kv/kv_store.h"

namespace tenure::features {

/// Where a view's rows lie in a table. All columns are borrowed.
struct OnlineColumns {
  const data::Column* key = nullptr;
  const data::Column* time = nullptr;
  const data::Column* created = nullptr;      ///< may be nullptr
  std::vector<const data::Column*> features;  ///< in the order of the view
};

/// What becomes of a stored row whose event and created times equal those of the row to write.
enum class EqualRows : std::uint8_t {
  kKeep,    ///< it stays
  kReplace  ///< it is replaced if its values differ: the source says otherwise now
};

/// What write_online does, for columns that are found already.
core::Result<std::int64_t> write_online_columns(storage::KvStore& store,
                                                const Definitions& definitions,
                                                const FeatureView& view,
                                                const OnlineColumns& columns, EqualRows equal_rows);

}  // namespace tenure::features
