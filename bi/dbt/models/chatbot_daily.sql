{{ config(materialized='incremental', unique_key=['date', 'bot_id'], incremental_strategy='delete+insert') }}
select date, bot_id, bot_name, messages, chats, users, new_users, replies, fallbacks, handovers, ratings
  from {{ source('bi', 'daily') }}
 where tz = '{{ var("zone") }}'
   and not is_partial
{% if is_incremental() %}
   -- three days again, for events that came late
   and date >= (select max(date) - 2 from {{ this }})
{% endif %}
