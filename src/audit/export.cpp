#include "audit/export.hpp"

#include <cstring>

#include "base/text.hpp"
#include "platform/db/data_keys.hpp"

namespace modelops::audit {
namespace {

constexpr std::int64_t batch_records = 200;

}  // namespace

std::size_t ExportSource::read(std::span<char> into) {
  while (taken_ == buffer_.size() && part_ != Part::nothing) fill();
  const std::size_t count = std::min(into.size(), buffer_.size() - taken_);
  std::memcpy(into.data(), buffer_.data() + taken_, count);
  taken_ += count;
  return count;
}

void ExportSource::fill() {
  buffer_.clear();
  taken_ = 0;
  switch (part_) {
    case Part::header:
      database_.read([&](db::Tx& tx) { fill_header(tx); });
      part_ = Part::records;
      break;
    case Part::records: {
      const auto [index, signed_size] = std::pair(next_index_, signed_size_);
      database_.read([&](db::Tx& tx) {  // may run twice
        buffer_.clear();
        next_index_ = index;
        signed_size_ = signed_size;
        fill_records(tx);
      });
      break;
    }
    case Part::end:
      buffer_ = export_end(static_cast<std::uint64_t>(size_));
      part_ = Part::nothing;
      break;
    case Part::nothing: break;
  }
}

void ExportSource::fill_header(db::Tx& tx) {
  std::map<std::string, std::string> public_keys;
  for (const KeyRow& key : store::keys(tx, org_id_))
    public_keys[key.id.str()] = from_base64(key.public_key).value_or("");
  buffer_ = export_header(org_id_, public_keys);
}

void ExportSource::fill_records(db::Tx& tx) {
  db::TxDataKeys keys(tx);
  crypto::SecretBox box(keyring_, keys);
  const auto rows = store::records_from(tx, org_id_, next_index_, size_, batch_records);
  const std::int64_t last = rows.empty() ? size_ : *rows.back().leaf_index + 1;
  const auto heads = store::heads(tx, org_id_, signed_size_, last);
  auto head = heads.begin();
  // A head stands where the tree has its size. Where rows are missing it stands too early, and the verifier says so.
  const auto write_heads = [&](std::int64_t size) {
    for (; head != heads.end() && head->tree_size <= size; ++head) {
      buffer_ += export_head(to_signed_head(*head));
      signed_size_ = head->tree_size;
    }
  };
  for (const RecordRow& row : rows) {
    buffer_ += export_record(static_cast<std::uint64_t>(*row.leaf_index),
                             {leaf_of(row), stored_payload(row), stored_personal(box, row)});
    next_index_ = *row.leaf_index + 1;
    write_heads(next_index_);
  }
  write_heads(last);
  if (rows.empty()) part_ = Part::end;
}

}  // namespace modelops::audit
