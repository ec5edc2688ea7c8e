//! The service of a driver.

/// Makes a server with a field `port` a driver of this device, which provides [`Link`](warren_idl::Link).
#[macro_export]
macro_rules! driver {
    ($server:ident, $device:ty) => {
        impl $crate::Driver for $server {
            type Device = $device;

            fn port(&self) -> &$crate::Port<$device> {
                &self.port
            }

            fn port_mut(&mut self) -> &mut $crate::Port<$device> {
                &mut self.port
            }
        }

        impl ::warren_idl::Link for $server {
            fn description(
                cx: &mut ::warren::Cx<'_, Self>,
            ) -> ::core::result::Result<::warren_idl::LinkDescription, ::warren_idl::LinkError>
            {
                Ok(cx.port.description())
            }

            fn counts(
                cx: &mut ::warren::Cx<'_, Self>,
            ) -> ::core::result::Result<::warren_idl::LinkCounts, ::warren_idl::LinkError> {
                Ok(cx.port.counts())
            }

            fn send(
                cx: &mut ::warren::Cx<'_, Self>,
                frames: &[u8],
            ) -> ::core::result::Result<u64, ::warren_idl::LinkError> {
                $crate::send(cx, frames)
            }

            fn serve<'f>(
                cx: &mut ::warren::Cx<'f, Self>,
                pair: u32,
                sink: ::warren::Ref<'f, dyn ::warren_idl::Sink>,
            ) -> ::core::result::Result<(), ::warren_idl::LinkError> {
                $crate::serve(cx, pair, sink)
            }
        }
    };
}
