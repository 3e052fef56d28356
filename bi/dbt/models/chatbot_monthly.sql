select date as month, bot_id, bot_name, messages, users, new_users, fallback_rate, is_partial
  from {{ source('bi', 'monthly') }}
 where tz = '{{ var("zone") }}'
