#pragma once
#include <string>
#include <vector>

#include "identity/types.hpp"
#include "platform/context.hpp"
#include "platform/query/page.hpp"
#include "reflect/schema.hpp"

namespace modelops {

MODELOPS_DESCRIBE_ENUM(ActorKind, anonymous, user, service_account, agent, system)

}  // namespace modelops

namespace modelops::audit {

using reflect::Bounded;
using reflect::Doc;
using reflect::Ranged;

/// Reads one's own records, and heads and proofs, which hold hashes only. Everybody's records are read by those who
/// also have identity's organization_see_all: a record names its subject, which may be private to others. So the
/// viewer, who has "*:read", learns nothing here that visibility hides elsewhere.
inline constexpr Permission audit_read{"audit:read"};
/// Takes away the whole trail, personal fields included.
inline constexpr Permission audit_export{"audit:export"};
inline constexpr Permission audit_erase{"audit:erase"};
inline constexpr Permission audit_rotate{"audit:rotate"};

struct RecordTag {
  static constexpr std::string_view prefix = "aud";
};
struct KeyTag {
  static constexpr std::string_view prefix = "aky";
};
struct SecurityEventTag {
  static constexpr std::string_view prefix = "sev";
};
using RecordId = Id<RecordTag>;
using KeyId = Id<KeyTag>;
using SecurityEventId = Id<SecurityEventTag>;

enum class Outcome { succeeded, denied };
MODELOPS_DESCRIBE_ENUM(Outcome, succeeded, denied)

struct AuditRecord {
  RecordId id;
  Time time;
  ActorKind actor_kind = ActorKind::system;
  std::string actor_id;
  std::optional<std::string> actor_name;
  std::optional<std::string> remote_address;
  bool personal_erased = false;
  std::string action;
  std::string subject_kind;
  std::string subject_id;
  Outcome outcome = Outcome::succeeded;
  std::string request_id;
  std::optional<boost::json::value> data;
  bool altered = false;
  bool integrated = false;
  std::optional<std::int64_t> index;
  static constexpr Doc docs[] = {
      {"personal_erased", "actor_name and remote_address were recorded, and erased since"},
      {"data", "What changed; null once it was pruned"},
      {"altered", "What is stored is not what was recorded. Verify an export"},
      {"integrated",
       "It is in the organization's tree, which takes about a second: from then on nobody can change or "
       "remove it unnoticed"},
      {"index", "Its place in the tree"}};
};
MODELOPS_DESCRIBE(AuditRecord, id, time, actor_kind, actor_id, actor_name, remote_address, personal_erased, action,
                  subject_kind, subject_id, outcome, request_id, data, altered, integrated, index);

/// What was done to one of some subjects, without anything personal: for those who may see the subject.
struct SubjectAct {
  RecordId id;
  Time time;
  ActorKind actor_kind = ActorKind::system;
  std::string actor_id;
  std::string action;
  std::string subject_kind;
  std::string subject_id;
  std::optional<boost::json::value> data;
};
MODELOPS_DESCRIBE(SubjectAct, id, time, actor_kind, actor_id, action, subject_kind, subject_id, data);
struct SubjectActPage {
  std::vector<SubjectAct> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(SubjectActPage, items, next_page_token);

struct ListAuditRecords {
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
  std::string filter;
  std::string order_by;
  static constexpr Doc docs[] = {
      {"filter",
       "Over time, actor_kind, actor_id, action, subject_kind, subject_id, outcome and request_id. For "
       "example: action = 'member.add' AND time >= '2026-01-01T00:00:00Z'"},
      {"order_by", "time, with desc for the newest first (the default)"}};
};
MODELOPS_DESCRIBE(ListAuditRecords, page_size, page_token, filter, order_by);
struct AuditRecordPage {
  std::vector<AuditRecord> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(AuditRecordPage, items, next_page_token);
struct AuditRecordReference {
  RecordId record;
};
MODELOPS_DESCRIBE(AuditRecordReference, record);

using TreeSize = Ranged<1, INT64_MAX>;

/// A signed tree head: keep one, and later ask for a consistency proof from its tree_size.
struct AuditHead {
  identity::OrgId organization_id;
  std::int64_t tree_size = 0;
  std::string root_hash;
  Time time;
  KeyId key_id;
  std::string signature;
  static constexpr Doc docs[] = {{"root_hash", "SHA-256, hexadecimal (RFC 9162)"},
                                 {"signature", "Ed25519, base64, over the canonical bytes of the other fields"}};
};
MODELOPS_DESCRIBE(AuditHead, organization_id, tree_size, root_hash, time, key_id, signature);

struct GetInclusionProof {
  RecordId record;
  std::optional<TreeSize> tree_size;
  static constexpr Doc docs[] = {{"tree_size", "Of the tree to prove it against; without it, the newest"}};
};
MODELOPS_DESCRIBE(GetInclusionProof, record, tree_size);
struct InclusionProof {
  RecordId record;
  std::string leaf;
  std::string leaf_hash;
  std::int64_t index = 0;
  std::int64_t tree_size = 0;
  std::string root_hash;
  std::vector<std::string> path;
  std::optional<AuditHead> head;
  static constexpr Doc docs[] = {{"leaf", "base64, leaf format version 1"},
                                 {"leaf_hash", "hexadecimal, as all hashes here"},
                                 {"path", "The siblings from the leaf up (RFC 9162, 2.1.3)"},
                                 {"head", "The signed head of this tree, if one of this size was signed"}};
};
MODELOPS_DESCRIBE(InclusionProof, record, leaf, leaf_hash, index, tree_size, root_hash, path, head);

struct GetConsistencyProof {
  TreeSize from;
  std::optional<TreeSize> to;
  static constexpr Doc docs[] = {{"from", "The size of the older tree"},
                                 {"to", "Of the newer; without it, the newest"}};
};
MODELOPS_DESCRIBE(GetConsistencyProof, from, to);
struct ConsistencyProof {
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::string from_root_hash;
  std::string to_root_hash;
  std::vector<std::string> path;
};
MODELOPS_DESCRIBE(ConsistencyProof, from, to, from_root_hash, to_root_hash, path);

struct AuditKey {
  KeyId id;
  std::string public_key;
  Time created_at;
  std::optional<Time> retired_at;
  static constexpr Doc docs[] = {{"public_key", "Ed25519, 32 bytes in base64"},
                                 {"retired_at", "It has signed nothing since, and cannot any more"}};
};
MODELOPS_DESCRIBE(AuditKey, id, public_key, created_at, retired_at);
struct AuditKeyList {
  std::vector<AuditKey> items;
};
MODELOPS_DESCRIBE(AuditKeyList, items);

struct EraseAuditSubject {
  Bounded<1, 128> subject;
  static constexpr Doc docs[] = {{"subject", "The id of an actor: name and addresses of theirs become unreadable"}};
};
MODELOPS_DESCRIBE(EraseAuditSubject, subject);
struct AuditErasure {
  std::string subject;
  std::int64_t records = 0;
  static constexpr Doc docs[] = {{"records", "How many records held personal fields of theirs"}};
};
MODELOPS_DESCRIBE(AuditErasure, subject, records);

/// Failures of nobody known, of the whole installation: per kind, network and hour.
struct SecurityEvent {
  SecurityEventId id;
  std::string kind;
  std::string address_prefix;
  Time hour;
  std::int64_t failures = 0;
  Time first_at;
  Time last_at;
};
MODELOPS_DESCRIBE(SecurityEvent, id, kind, address_prefix, hour, failures, first_at, last_at);
struct ListSecurityEvents {
  query::PageSize page_size = query::default_page_size();
  std::string page_token;
  std::string filter;
  std::string order_by;
  static constexpr Doc docs[] = {{"filter", "Over kind, address_prefix, hour and failures"},
                                 {"order_by", "hour, with desc for the newest first (the default)"}};
};
MODELOPS_DESCRIBE(ListSecurityEvents, page_size, page_token, filter, order_by);
struct SecurityEventPage {
  std::vector<SecurityEvent> items;
  std::optional<std::string> next_page_token;
};
MODELOPS_DESCRIBE(SecurityEventPage, items, next_page_token);

}  // namespace modelops::audit
